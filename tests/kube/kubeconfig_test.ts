import assert from "node:assert/strict";
import { KubeConfigError } from "../../mod/kube/errors.ts";
import { inClusterAccess, parseKubeconfig, SERVICE_ACCOUNT_FOLDER } from "../../mod/kube/kubeconfig.ts";
import { MemoryFiles } from "./kit.ts";

const PATH = "/etc/kubernetes/admin.conf";

/** A kubeconfig with these entries of its cluster and its user, as JSON, which is YAML. */
function config(cluster: Record<string, unknown>, user: Record<string, unknown>): string {
  return JSON.stringify({
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "clusters": [{ name: "c", cluster: { server: "https://10.0.0.1:6443", ...cluster } }, {
      name: "other",
      cluster: { server: "https://10.9.9.9:6443" },
    }],
    "contexts": [{ name: "here", context: { cluster: "c", user: "u", namespace: "ns" } }],
    "users": [{ name: "u", user }],
  });
}

async function failure(text: string): Promise<string> {
  try {
    await parseKubeconfig(text, PATH);
  } catch (error) {
    assert.ok(error instanceof KubeConfigError);
    return error.message;
  }
  return "";
}

Deno.test("A file as kubeadm writes it", async () => {
  const cluster = { "certificate-authority-data": btoa("CA") };
  const user = { "client-certificate-data": btoa("CERT"), "client-key-data": btoa("KEY") };
  assert.deepEqual(await parseKubeconfig(config(cluster, user), PATH), {
    server: "https://10.0.0.1:6443",
    ca: { is: "text", pem: "CA" },
    client: { cert: { is: "text", pem: "CERT" }, key: { is: "text", pem: "KEY" } },
    authorization: { kind: "none" },
    namespace: "ns",
  });
});

Deno.test("Files are found from the folder of the kubeconfig; data counts before them", async () => {
  const cluster = { "certificate-authority": "pki/ca.crt" };
  const user = {
    "client-certificate": "/abs/c.crt",
    "client-key": "../c.key",
    "client-key-data": btoa("KEY"),
    "tokenFile": "token",
  };
  const access = await parseKubeconfig(config(cluster, user), PATH);
  assert.deepEqual(access.ca, { is: "file", path: "/etc/kubernetes/pki/ca.crt" });
  assert.deepEqual(access.client?.cert, { is: "file", path: "/abs/c.crt" });
  assert.deepEqual(access.client?.key, { is: "text", pem: "KEY" });
  assert.deepEqual(access.authorization, { kind: "token-file", path: "/etc/kubernetes/token" });
});

Deno.test("Token, token file and password, the file before the token", async () => {
  const kinds: [Record<string, unknown>, unknown][] = [
    [{ token: "abc" }, { kind: "token", token: "abc" }],
    [{ token: "abc", tokenFile: "/t" }, { kind: "token-file", path: "/t" }],
    [{ username: "me", password: "word" }, { kind: "basic", username: "me", password: "word" }],
    [{}, { kind: "none" }],
  ];
  for (const [user, authorization] of kinds) {
    assert.deepEqual((await parseKubeconfig(config({}, user), PATH)).authorization, authorization);
  }
});

Deno.test("What is not supported is refused by its name", async () => {
  const cases: [Record<string, unknown>, Record<string, unknown>, RegExp][] = [
    [{ "insecure-skip-tls-verify": true }, {}, /insecure-skip-tls-verify is not supported: give certificate-authority/],
    [{ "tls-server-name": "x" }, {}, /tls-server-name is not supported/],
    [{ "proxy-url": "http://x" }, {}, /proxy-url is not supported/],
    [{}, { exec: { command: "aws" } }, /exec of user "u" is not supported/],
    [{}, { "auth-provider": { name: "gcp" } }, /auth-provider of user "u" is not supported/],
    [{}, { as: "root" }, /impersonation/],
    [{ server: "http://10.0.0.1" }, {}, /its server is http and not on this machine/],
    [{ "certificate-authority-data": "%%%" }, {}, /certificate-authority-data is no base64/],
    [{}, { "client-key": "k" }, /client-key without client-certificate/],
    [{}, { "client-certificate": "c" }, /client-certificate without client-key/],
    [{}, { password: "hidden" }, /password without username/],
  ];
  for (const [cluster, user, expected] of cases) {
    const message = await failure(config(cluster, user));
    assert.match(message, expected);
    assert.ok(message.startsWith(`Cannot use kubeconfig "${PATH}": `));
    assert.ok(!message.includes("hidden"));
  }
});

Deno.test("References that lead nowhere are named", async () => {
  const good = config({}, {});
  const cases: [string, RegExp][] = [
    ["", /empty or no mapping/],
    ["[]", /empty or no mapping/],
    ["{}", /no current-context/],
    [good.replace('"current-context":"here"', '"current-context":"there"'), /current-context "there"/],
    [good.replace('"cluster":"c"', '"cluster":"x"'), /the cluster "x"/],
    [good.replace('"user":"u"', '"user":"x"'), /the user "x"/],
    [good.replace('"server":"https://10.0.0.1:6443"', '"server":""'), /clusters\[0\].cluster.server is missing/],
  ];
  for (const [text, expected] of cases) assert.match(await failure(text), expected);
});

Deno.test("Malformed YAML is located without repeating it", async () => {
  const message = await failure('users:\n- name: u\n  user:\n    token: "secret-token\n    x: [}\n');
  assert.match(message, /it is no YAML \([A-Z_]+, line \d+\)/);
  assert.ok(!message.includes("secret-token"));
});

Deno.test("A Pod finds its server and its service account", async () => {
  const files = new MemoryFiles({
    [`${SERVICE_ACCOUNT_FOLDER}/token`]: "abc",
    [`${SERVICE_ACCOUNT_FOLDER}/namespace`]: "kube-system\n",
  });
  const env = (host: string) => (name: string): string | undefined =>
    ({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: "443" })[name];
  assert.deepEqual(await inClusterAccess(env("10.96.0.1"), files), {
    server: "https://10.96.0.1",
    ca: { is: "file", path: `${SERVICE_ACCOUNT_FOLDER}/ca.crt` },
    client: null,
    authorization: { kind: "token-file", path: `${SERVICE_ACCOUNT_FOLDER}/token` },
    namespace: "kube-system",
  });
  assert.equal((await inClusterAccess(env("fd00::1"), files))?.server, "https://[fd00::1]");
  await assert.rejects(inClusterAccess(env("a b"), files), KubeConfigError);
  assert.equal(await inClusterAccess(() => undefined, files), null);
  assert.equal(await inClusterAccess(env("10.96.0.1"), new MemoryFiles()), null);
});
