import assert from "node:assert/strict";
import { parse } from "@kube-vip/yaml";
import { isImageReference, sampleConfig, sampleManifest, SECRET_BYTES } from "../../mod/config/sample.ts";
import { load, mustLoad, problemLines, warningLines } from "./helpers.ts";

const RANDOM = Uint8Array.from({ length: SECRET_BYTES }, (_, i) => 255 - i);

Deno.test("the sample configuration is valid, without a warning, and contains the secret that was drawn", () => {
  const result = load(sampleConfig(RANDOM));
  assert.deepEqual([...problemLines(result), ...warningLines(result)], []);
  const config = mustLoad(sampleConfig(RANDOM));
  assert.equal(config.peerSecret, RANDOM.toBase64());
  assert.notEqual(sampleConfig(new Uint8Array(SECRET_BYTES)), sampleConfig(RANDOM));
  assert.equal(config.remotePeers.length, 2);
  assert.equal(config.balancers[0]?.backends.length, 3);
});

Deno.test("the sample configuration uses the keys of the raft era", () => {
  const keys = [
    "localPeer",
    "remotePeers",
    "vip",
    "gratuitousARP",
    "singleNode",
    "startAsLeader",
    "loadBalancers",
    "bindToVip",
  ];
  for (const key of keys) assert.match(sampleConfig(RANDOM), new RegExp(`^(- | +)?${key}:`, "m"));
  assert.match(sampleConfig(RANDOM), /^# interface: /m);
});

Deno.test("the sample manifest is a Pod that runs the file with what it needs and nothing more", () => {
  const pod: unknown = parse(sampleManifest("registry.example.org:5000/kube-vip:v1"));
  const wanted = {
    hostNetwork: true,
    containers: [{
      image: "registry.example.org:5000/kube-vip:v1",
      args: ["start", "-c", "/etc/kube-vip/config.yaml"],
      securityContext: { capabilities: { add: ["NET_ADMIN", "NET_RAW"], drop: ["ALL"] } },
    }],
    volumes: [{ hostPath: { path: "/etc/kube-vip/" } }, { hostPath: { path: "/var/lib/kube-vip" } }],
  };
  assert.partialDeepStrictEqual(pod, { kind: "Pod", spec: wanted });
});

Deno.test("an image is a reference and nothing that YAML would read otherwise", () => {
  for (const good of ["kube-vip", "kube-vip:v1", "r.io/a/b:1.2", "r.io:5000/a/b@sha256:" + "0".repeat(64)]) {
    assert.ok(isImageReference(good), good);
  }
  for (const bad of ["", "a b", "a\nb: c", "{a}", "a#b", "a: b", "-a", "a@sha256:0"]) {
    assert.ok(!isImageReference(bad), bad);
  }
});
