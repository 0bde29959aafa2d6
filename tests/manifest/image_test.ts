import assert from "node:assert/strict";
import { completeImage, DEFAULT_IMAGE } from "../../mod/manifest/image.ts";

const VALID: readonly (readonly [given: string, complete: string])[] = [
  [DEFAULT_IMAGE, "ghcr.io/kube-vip/kube-vip:v9"],
  ["ghcr.io/kube-vip/kube-vip:v1.2.3", "ghcr.io/kube-vip/kube-vip:v1.2.3"],
  ["nginx", "index.docker.io/library/nginx:v9"],
  ["nginx:1.27", "index.docker.io/library/nginx:1.27"],
  ["docker.io/nginx", "index.docker.io/library/nginx:v9"],
  ["me/kube-vip", "index.docker.io/me/kube-vip:v9"],
  ["localhost:5000/kube-vip", "localhost:5000/kube-vip:v9"],
  ["registry.example.org:5000/a/b:T_a.g-1", "registry.example.org:5000/a/b:T_a.g-1"],
  ["192.168.0.1:5000/a-b", "192.168.0.1:5000/a-b:v9"],
  ["nginx:", "index.docker.io/library/nginx:v9"],
];

const INVALID: readonly (readonly [given: string, reason: RegExp])[] = [
  ["", /^a repository name must be specified$/],
  [":v1", /^a repository name must be specified$/],
  ["a", /^repository must be between 2 and 255 characters in length: a$/],
  ["a".repeat(256), /^repository must be between 2 and 255/],
  ["ghcr.io/", /^repository must be between 2 and 255 characters in length: $/],
  ["Nginx", /^repository can only contain the characters `abc.*`: Nginx$/],
  ["a b", /^repository can only contain/],
  ["aa\nb: c", /^(repository|tag) can only contain/],
  [`nginx@sha256:${"0".repeat(64)}`, /: nginx@sha256; a digest is not accepted, a tag is$/],
  [`r.io/nginx:v1@sha256:${"0".repeat(64)}`, /a digest is not accepted, a tag is$/],
  ["nginx:v+1", /^tag can only contain the characters/],
  [`nginx:${"a".repeat(129)}`, /^tag must be between 1 and 128/],
  ["r.io:x/nginx", /^registries must be valid RFC 3986 URI authorities: r.io:x$/],
  ['r.io"/nginx', /^registries must be valid/],
];

Deno.test("an image without registry or tag is completed as upstream completes it", () => {
  for (const [given, reference] of VALID) {
    assert.deepEqual(completeImage(given, "v9"), { outcome: "valid", reference }, given);
  }
});

Deno.test("what is no image with a tag is refused with the reason", () => {
  for (const [given, reason] of INVALID) {
    const result = completeImage(given, "v9");
    assert.ok(result.outcome === "invalid", given);
    assert.match(result.reason, reason);
  }
});

Deno.test("a complete image is already complete", () => {
  for (const [, reference] of VALID) assert.deepEqual(completeImage(reference, "v8"), { outcome: "valid", reference });
});
