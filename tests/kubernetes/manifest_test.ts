import assert from "node:assert/strict";
import { EXAMPLES, goldenPath, readExample } from "../manifest/generated.ts";
import { at, parseManifest } from "../manifest/parsed.ts";
import { VARIANTS } from "../manifest/variants.ts";
import type { ApiClient } from "./api_client.ts";
import { apply } from "./apply.ts";
import { withCluster } from "./kit.ts";
import { withApiServers } from "./needs.ts";

/** `verb resource.group namespace/name`, and whether the service account may. */
const RIGHTS: readonly (readonly [attributes: string, allowed: boolean])[] = [
  ["create leases.coordination.k8s.io kube-system/", true],
  ["get leases.coordination.k8s.io kube-system/plndr-cp-lock", true],
  ["update leases.coordination.k8s.io kube-system/plndr-cp-lock", true],
  // A list or watch by `metadata.name` is asked for under that name.
  ["list leases.coordination.k8s.io kube-system/plndr-cp-lock", true],
  ["watch leases.coordination.k8s.io kube-system/plndr-cp-lock", true],
  ["update leases.coordination.k8s.io kube-system/kube-vip-192.168.0.40", true],
  ["create events. kube-system/", true],
  ["list endpointslices.discovery.k8s.io default/", true],
  ["update leases.coordination.k8s.io kube-system/kube-scheduler", false],
  ["list leases.coordination.k8s.io kube-system/", false],
  ["watch leases.coordination.k8s.io kube-system/kube-vip-192.168.0.40", false],
  ["patch events. kube-system/", false],
  ["watch endpointslices.discovery.k8s.io default/", false],
  ["delete leases.coordination.k8s.io kube-system/plndr-cp-lock", false],
  ["create leases.coordination.k8s.io default/", false],
  ["list endpointslices.discovery.k8s.io kube-system/", false],
  ["get secrets. kube-system/wireguard", false],
  ["patch nodes. /node1", false],
  ["update services. default/web", false],
];

async function mayDo(admin: ApiClient, attributes: string): Promise<unknown> {
  const [verb, type = "", object = ""] = attributes.split(" ");
  const [namespace, name] = object.split("/");
  const dot = type.indexOf(".");
  const resource = { verb, resource: type.slice(0, dot), group: type.slice(dot + 1), namespace, name };
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  const body = await admin.demand("POST", path, {
    body: {
      kind: "SubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      spec: { user: "system:serviceaccount:kube-system:kube-vip", resourceAttributes: resource },
    },
  });
  return at(body, "status", "allowed");
}

async function everyManifest(admin: ApiClient, t: Deno.TestContext): Promise<void> {
  await admin.demand("POST", "/api/v1/namespaces", { body: { metadata: { name: "lb" } } });
  const texts = await Promise.all([
    ...VARIANTS.map(async ({ name }) => [name, await Deno.readTextFile(goldenPath(name))] as const),
    ...EXAMPLES.map(async (name) => [`deploy ${name}`, (await readExample(name)).text] as const),
  ]);
  for (const [name, text] of texts) {
    await t.step(name, async () => {
      // These servers, unlike those of kubeadm, allow no privileged container.
      for (const object of parseManifest(text.replace("privileged: true", "privileged: false"))) {
        const taken = await apply(admin, object, { dryRun: true });
        assert.partialDeepStrictEqual(taken, { kind: object["kind"], metadata: object["metadata"] });
      }
    });
  }
}

withApiServers("a real API server takes every manifest, strictly read, and grants what is in it", async (paths, t) => {
  await withCluster(paths, 1, async (cluster) => {
    const admin = cluster.admin;
    await everyManifest(admin, t);
    for (const [attributes] of RIGHTS) assert.equal(await mayDo(admin, attributes), false, attributes);
    for (const object of parseManifest((await readExample("rbac")).text)) await apply(admin, object, { dryRun: false });
    for (const [attributes, allowed] of RIGHTS) assert.equal(await mayDo(admin, attributes), allowed, attributes);
  });
});
