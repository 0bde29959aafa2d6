import assert from "node:assert/strict";
import { podManifest, podSpec } from "../../mod/manifest/pod.ts";
import { settings } from "./fixture.ts";
import { at, parseManifest } from "./parsed.ts";

const PLAIN = { image: "r.io/kube-vip:v1", inCluster: false, secret: null };

function pod(given: Record<string, string> = {}, more: Partial<typeof PLAIN> = {}): unknown {
  return parseManifest(podManifest({ ...PLAIN, ...more, values: settings(given) }).text)[0];
}

function container(given: Record<string, string> = {}): unknown {
  return at(pod(given), "spec", "containers", 0);
}

Deno.test("a static Pod has the label people look for, the machine's kubeconfig and the machine's API server", () => {
  assert.partialDeepStrictEqual(pod({ "k8s_config_file": "/etc/kubernetes/super-admin.conf" }), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "kube-vip", namespace: "kube-system", labels: { "app.kubernetes.io/name": "kube-vip" } },
    spec: {
      containers: [{
        args: ["manager"],
        image: "r.io/kube-vip:v1",
        volumeMounts: [{ mountPath: "/etc/kubernetes/admin.conf", name: "kubeconfig" }],
      }],
      hostAliases: [{ hostnames: ["kubernetes"], ip: "127.0.0.1" }],
      hostNetwork: true,
      volumes: [{ hostPath: { path: "/etc/kubernetes/super-admin.conf" }, name: "kubeconfig" }],
    },
    status: {},
  });
});

Deno.test("a Pod of the cluster has a service account instead, and nothing of the machine", () => {
  const spec = podSpec({ ...PLAIN, inCluster: true, values: settings() }, false).spec;
  assert.deepEqual(Object.keys(spec).sort(), ["containers", "hostNetwork", "serviceAccountName"]);
  assert.equal(spec["serviceAccountName"], "kube-vip");
  assert.equal(at(spec, "containers", 0, "volumeMounts"), undefined);
});

Deno.test("the container has two capabilities, or all rights to masquerade", () => {
  const capabilities = { add: ["NET_ADMIN", "NET_RAW"], drop: ["ALL"] };
  assert.deepEqual(at(container(), "securityContext"), { capabilities });
  for (const text of ["masquerade", "Masquerade"]) {
    assert.deepEqual(at(container({ "lb_fwdmethod": text }), "securityContext"), { privileged: true });
  }
});

Deno.test("probes ask the health port, where there is one", () => {
  assert.equal(at(container(), "livenessProbe"), undefined);
  assert.equal(at(container(), "readinessProbe"), undefined);
  assert.partialDeepStrictEqual(container({ "health_check_port": "8090" }), {
    livenessProbe: { httpGet: { path: "/healthz", port: 8090 } },
    readinessProbe: { httpGet: { path: "/readyz", port: 8090 } },
  });
});

Deno.test("files that settings name are mounted, beside the kubeconfig", () => {
  const etcd = pod({ "vip_leaderelectiontype": "etcd", "etcd_ca_cert": "/pki/ca.crt" });
  assert.deepEqual(at(etcd, "spec", "containers", 0, "volumeMounts", 1), {
    mountPath: "/pki/ca.crt",
    name: "etcd-ca",
    readOnly: true,
  });
  assert.deepEqual(at(etcd, "spec", "volumes", 1), {
    hostPath: { path: "/pki/ca.crt", type: "File" },
    name: "etcd-ca",
  });
});

Deno.test("objects go where the Services are watched, and an empty line ends the manifest", () => {
  assert.equal(at(pod({ "svc_namespace": "lb" }), "metadata", "namespace"), "lb");
  assert.match(podManifest({ ...PLAIN, values: settings() }).text, /\nstatus: {}\n\n$/);
});

Deno.test("what is to be known about secrets comes with the manifest", () => {
  const values = settings({ "bgp_enable": "true", "bgp_peerpass": "sesame" });
  assert.equal(podManifest({ ...PLAIN, values }).warnings.length, 1);
  assert.deepEqual(podManifest({ ...PLAIN, inCluster: true, secret: "vault", values }).warnings, []);
});

Deno.test("a value that looks like a reference to the kubelet stays what it is", () => {
  const table = { "a$b": "a$b", "a$(b)": "a$$(b)", "a$$": "a$$$", "$": "$" };
  for (const [given, written] of Object.entries(table)) {
    const list = at(container({ "vip_clusterid": given }), "env");
    assert.ok(Array.isArray(list));
    assert.deepEqual(list.at(-1), { name: "vip_clusterid", value: written });
  }
});

Deno.test("listening on BGP's own port takes a right of its own, and no other listening does", () => {
  const rows: [Record<string, string>, string[]][] = [
    [{ "bgp_enable": "true", "bgp_listen_port": "179" }, ["NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW"]],
    [{ "bgp_enable": "true", "bgp_listen_port": "1179" }, ["NET_ADMIN", "NET_RAW"]],
    [{ "bgp_listen_port": "179" }, ["NET_ADMIN", "NET_RAW"]],
    [{ "bgp_enable": "true" }, ["NET_ADMIN", "NET_RAW"]],
  ];
  for (const [env, wanted] of rows) {
    assert.deepEqual(at(container(env), "securityContext", "capabilities", "add"), wanted);
  }
});
