import assert from "node:assert/strict";
import type { ApiServerSettings } from "../../mod/config/manager/types.ts";
import {
  ADMIN_CONF,
  chooseServer,
  hostWorld,
  type ServerChoice,
  type ServerWorld,
} from "../../mod/kube/choose_server.ts";
import { SERVICE_ACCOUNT_FOLDER } from "../../mod/kube/kubeconfig.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { TestPki } from "../fakes/kube/pki.ts";
import { MemoryFiles } from "./kit.ts";

const EXPLICIT = "/conf/kube.yaml";
const HOME = "/people/admin/.kube/config";

const SETTINGS: ApiServerSettings = { configPath: ADMIN_CONF, address: null, detect: false, port: 6443 };

/** A kubeconfig whose server is `https://<name>:6443`. */
function config(name: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    "current-context": "x",
    "clusters": [{ name: "c", cluster: { server: `https://${name}:6443`, ...more } }],
    "contexts": [{ name: "x", context: { cluster: "c", user: "u" } }],
    "users": [{ name: "u", user: { token: "abc" } }],
  });
}

const POD = {
  [`${SERVICE_ACCOUNT_FOLDER}/token`]: "pod-token",
  [`${SERVICE_ACCOUNT_FOLDER}/namespace`]: "kube-system",
};

function world(files: Readonly<Record<string, string>>, more: Partial<ServerWorld> = {}): ServerWorld {
  const variables: Record<string, string> = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  return {
    files: new MemoryFiles(files),
    home: "/people/admin",
    env: (name) => variables[name],
    controlPlane: true,
    avoid: [],
    localAddresses: () => [],
    probe: () => Promise.resolve({ outcome: "failed", cause: "not asked for" }),
    clock: systemClock,
    ...more,
  };
}

function brief(choice: ServerChoice): string {
  return choice.outcome === "chosen" ? `${choice.server} from ${choice.origin}` : choice.message;
}

Deno.test("The first place that has a kubeconfig is taken; the one of kubeadm leads to the local server", async () => {
  const all = { [EXPLICIT]: config("explicit"), [ADMIN_CONF]: config("vip"), [HOME]: config("home") };
  const { [EXPLICIT]: _, ...withoutExplicit } = all;
  const cases: [Partial<ApiServerSettings>, Record<string, string>, Partial<ServerWorld>, string][] = [
    [{ configPath: EXPLICIT }, all, {}, `https://explicit:6443 from ${EXPLICIT}`],
    [{ configPath: EXPLICIT }, withoutExplicit, {}, `https://kubernetes:6443 from ${ADMIN_CONF}`],
    [{}, all, {}, `https://kubernetes:6443 from ${ADMIN_CONF}`],
    [{ port: 7443 }, all, {}, `https://kubernetes:7443 from ${ADMIN_CONF}`],
    [{}, all, { controlPlane: false }, `https://vip:6443 from ${ADMIN_CONF}`],
    [{ configPath: HOME }, all, {}, `https://kubernetes:6443 from ${ADMIN_CONF}`],
    [{}, { [HOME]: config("home") }, {}, `https://home:6443 from ${HOME}`],
    [{ configPath: HOME }, { [HOME]: config("home") }, {}, `https://home:6443 from ${HOME}`],
    [{ configPath: "" }, { [HOME]: config("home") }, { home: "/people/admin/" }, `https://home:6443 from ${HOME}`],
  ];
  for (const [settings, files, more, expected] of cases) {
    assert.equal(brief(await chooseServer({ ...SETTINGS, ...settings }, world(files, more))), expected);
  }
});

Deno.test("Without a kubeconfig the service account is used, with its namespace", async () => {
  const pki = await TestPki.make();
  const pod = { ...POD, [`${SERVICE_ACCOUNT_FOLDER}/ca.crt`]: pki.caCert };
  const choice = await chooseServer(SETTINGS, world(pod, { home: null }));
  assert.equal(brief(choice), "https://10.96.0.1 from service account");
  assert.ok(choice.outcome === "chosen");
  assert.equal(choice.namespace, "kube-system");
  assert.equal((await choice.credentials.current()).authorization, "Bearer pod-token");
  await pki.remove();
});

Deno.test("kubernetes_addr replaces the server of a file; what cannot be understood is a warning", async () => {
  const files = { [ADMIN_CONF]: config("vip"), [EXPLICIT]: config("explicit") };
  const choose = (address: string, configPath = ADMIN_CONF): Promise<ServerChoice> =>
    chooseServer({ ...SETTINGS, address, configPath, detect: true }, world(files));
  assert.equal(brief(await choose("10.0.0.7")), `https://10.0.0.7:6443 from ${ADMIN_CONF}`);
  assert.equal(brief(await choose("https://node1:7443", EXPLICIT)), `https://node1:7443 from ${EXPLICIT}`);
  const junk = await choose("https://me:word@node1", EXPLICIT);
  assert.equal(brief(junk), `https://explicit:6443 from ${EXPLICIT}`);
  assert.deepEqual(junk.warnings, [
    'kubernetes_addr "https://***@node1" is ignored: it has credentials inside the URL',
  ]);
});

Deno.test("What was asked for and is not there is said", async () => {
  const missing = await chooseServer({ ...SETTINGS, configPath: EXPLICIT }, world({ [HOME]: config("home") }));
  assert.deepEqual(missing.warnings, [`k8s_config_file "${EXPLICIT}" does not exist: looking elsewhere`]);
  const none = await chooseServer({ ...SETTINGS, configPath: EXPLICIT }, world({}));
  assert.equal(
    brief(none),
    `Cannot find an API server: none of ${EXPLICIT}, ${ADMIN_CONF}, $HOME/.kube/config exists, ` +
      "and this is no Pod with a service account",
  );
});

Deno.test("Files that cannot be used are failures with their path", async () => {
  const files = new MemoryFiles();
  files.content.set(ADMIN_CONF, null);
  const unreadable = await chooseServer(SETTINGS, world({}, { files }));
  assert.equal(brief(unreadable), `Cannot read kubeconfig "${ADMIN_CONF}": PermissionDenied`);
  const empty = await chooseServer(SETTINGS, world({ [ADMIN_CONF]: "" }));
  assert.equal(brief(empty), `Cannot use kubeconfig "${ADMIN_CONF}": it is empty or no mapping`);
  const noCa = await chooseServer(
    SETTINGS,
    world({ [ADMIN_CONF]: config("x", { "certificate-authority": "ca.crt" }) }),
  );
  assert.equal(brief(noCa), 'Cannot read "/etc/kubernetes/ca.crt": there is no such file');
});

Deno.test("A server behind an address that is held here is a warning", async () => {
  const choice = await chooseServer(
    { ...SETTINGS, configPath: EXPLICIT },
    world({ [EXPLICIT]: config("[fd00:0::1]") }, { avoid: ["fd00::1"] }),
  );
  assert.match(choice.warnings.join(), /an address that is held here: set kubernetes_addr/);
});

Deno.test("cp_detect finds the local server by its certificate, never by an address that moves", async () => {
  const pki = await TestPki.make();
  const api = FakeApiServer.start({
    tls: await pki.issue({ name: "kube-apiserver", san: "IP:127.0.0.4,IP:127.0.0.5" }),
    hostname: "0.0.0.0",
  });
  const files = { [ADMIN_CONF]: config("vip", { "certificate-authority-data": btoa(pki.caCert) }) };
  const here: Partial<ServerWorld> = {
    probe: hostWorld({ controlPlane: true, avoid: [], clock: systemClock }).probe,
    localAddresses: () => ["127.0.0.4", "127.0.0.5"],
  };
  const settings = { ...SETTINGS, detect: true, port: api.port };
  const choice = await chooseServer(settings, world(files, { ...here, avoid: ["127.0.0.4"] }));
  assert.equal(brief(choice), `https://127.0.0.5:${api.port} from ${ADMIN_CONF}`);
  const nowhere = await chooseServer(settings, world(files, { ...here, avoid: ["127.0.0.4", "127.0.0.5"] }));
  assert.match(brief(nowhere), /^cp_detect: No API server answers on port \d+ under a name of its certificate/);
  await api.stop();
  await pki.remove();
});

Deno.test("This machine's world has addresses in canonical text, none of them link-local", () => {
  const addresses = hostWorld({ controlPlane: true, avoid: [], clock: systemClock }).localAddresses();
  assert.ok(addresses.includes("127.0.0.1"));
  assert.ok(addresses.every((address) => !address.startsWith("fe80:")));
});

Deno.test("A kubeconfig that was renewed on disk is read again after a refusal", async () => {
  const files = new MemoryFiles({ [EXPLICIT]: config("a") });
  const choice = await chooseServer({ ...SETTINGS, configPath: EXPLICIT }, world({}, { files }));
  assert.ok(choice.outcome === "chosen");
  const old = await choice.credentials.current();
  files.content.set(EXPLICIT, config("a").replace("abc", "renewed"));
  assert.equal((await choice.credentials.refresh(old)).authorization, "Bearer renewed");
});
