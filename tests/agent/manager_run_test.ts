/** The command on a machine of its own: a namespace with nothing but loopback, and no file of the machine the tests run on. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CONTROL_SOCKET } from "../../mod/agent/control.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { BASE } from "../config/manager/helpers.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { privileged } from "../fakes/privileges.ts";
import { Child } from "../lab/child.ts";
import { LEASE, NODE, V4, writes } from "./manager_fixture.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
/** Runs what follows with an empty /etc: no admin.conf of the machine the tests run on. */
function withoutEtc(redirection: string): string[] {
  return ["unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /etc && exec "$@" ${redirection}`, "sh"];
}
/** A busy machine takes seconds to load the program. */
const LIMIT_MS = 30_000;

class Host {
  readonly home = Deno.makeTempDirSync();
  readonly routes: RouteSocket;
  readonly #namespace = Namespace.create();
  #child: Child | null = null;
  #api: FakeApiServer | null = null;

  constructor(options: { readonly loopback: "up" | "down" }) {
    this.routes = this.#namespace.run(() => new RouteSocket());
    const link = this.routes.linkByName("lo");
    assert.ok(link);
    if (options.loopback === "up") this.routes.setUp(link.index);
  }

  /** An API server, and the kubeconfig that leads to it. */
  serve(): FakeApiServer {
    const api = this.#api = this.#namespace.run(() => FakeApiServer.start());
    const cluster = { name: "c", cluster: { server: api.url } };
    const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
    const users = [{ name: "u", user: {} }];
    this.write({ apiVersion: "v1", kind: "Config", clusters: [cluster], users, contexts, "current-context": "x" });
    return api;
  }

  write(kubeconfig: unknown): void {
    Deno.writeTextFileSync(`${this.home}/config`, JSON.stringify(kubeconfig));
  }

  /** Starts `kube-vip manager`. @param redirection as the shell knows it */
  manager(env: Readonly<Record<string, string>> = {}, redirection = ""): Child {
    const argv = [...withoutEtc(redirection), Deno.execPath(), "run", "-A", "--cached-only", MAIN, "manager"];
    return this.#child = Child.start(argv, {
      name: "manager",
      inside: (action) => this.#namespace.run(action),
      env: {
        ...BASE,
        address: V4,
        ["vip_interface"]: "lo",
        ["vip_nodename"]: NODE,
        ["vip_statedir"]: `${this.home}/state`,
        ["k8s_config_file"]: `${this.home}/config`,
        HOME: this.home,
        KUBERNETES_SERVICE_HOST: "",
        DENO_DIR,
        // The system's are below /etc.
        DENO_TLS_CA_STORE: "mozilla",
        ...env,
      },
    });
  }

  holds(): boolean {
    return this.routes.addresses().some(({ ip }) => ip === V4);
  }

  async close(): Promise<void> {
    await this.#child?.stop("SIGKILL");
    await this.#api?.stop();
    this.routes.close();
    this.#namespace.close();
    await Deno.remove(this.home, { recursive: true });
  }
}

async function withHost(loopback: "up" | "down", run: (host: Host) => Promise<void>): Promise<void> {
  const host = new Host({ loopback });
  try {
    await run(host);
  } finally {
    await host.close();
  }
}

/** Ends by itself with status 1 after saying this. */
async function fails(child: Child, words: RegExp): Promise<void> {
  const { code } = await child.end(LIMIT_MS);
  const said = child.log.join("\n");
  assert.equal(code, 1, said);
  assert.match(said, words);
}

function onHost(name: string, loopback: "up" | "down", run: (host: Host) => Promise<void>): void {
  privileged(name, () => withHost(loopback, run), { program: "unshare" });
}

onHost("an interface that does not exist ends with status 1", "up", async (host) => {
  const child = host.manager({ ["vip_interface"]: "nosuch0" });
  await fails(child, /nosuch0 is not valid interface, reason: get nosuch0 failed, error: Link not found/);
});

onHost("an interface that is down ends with status 1", "down", async (host) => {
  await fails(host.manager(), /lo is not valid interface, reason: lo is not up/);
});

onHost("without an interface or a default route the setting is named", "up", async (host) => {
  await fails(
    host.manager({ ["vip_interface"]: "" }),
    /there is no default route; name the interface \(vip_interface\)/,
  );
});

onHost("no kubeconfig anywhere ends with status 1 and says where one was looked for", "up", async (host) => {
  const child = host.manager();
  await fails(child, /Cannot find an API server: none of .*config, .*admin\.conf, .*no Pod with a service account/);
  assert.match(child.log.join("\n"), /k8s_config_file .* does not exist: looking elsewhere/);
  assert.equal(host.holds(), false);
});

onHost("a kubeconfig that is none ends with status 1", "up", async (host) => {
  host.write({ kind: "Config" });
  await fails(host.manager(), new RegExp(`no API server.*${host.home}/config`));
});

onHost("SIGTERM while an API server is still looked for ends with status 0", "up", async (host) => {
  const child = host.manager({ ["cp_detect"]: "true" });
  await child.waitForLine("no API server", { limitMs: LIMIT_MS });
  child.signal("SIGTERM");
  assert.equal((await child.end(LIMIT_MS)).code, 0);
});

onHost("a file that appears while an API server is looked for is used", "up", async (host) => {
  const child = host.manager({ ["cp_detect"]: "true" });
  await child.waitForLine("no API server", { limitMs: LIMIT_MS });
  const api = host.serve();
  await child.waitForLine("address taken", { limitMs: LIMIT_MS });
  assert.ok(api.requests.some((request) => writes(request, NODE)));
  child.signal("SIGTERM");
  assert.equal((await child.end(LIMIT_MS)).code, 0);
});

onHost("the node holds, dumps on SIGUSR1, and SIGTERM gives everything back with status 0", "up", async (host) => {
  const api = host.serve();
  const child = host.manager();
  await child.waitForLine("ready", { limitMs: LIMIT_MS });
  await child.waitForLine("address taken", { limitMs: LIMIT_MS });
  assert.equal(host.holds(), true);
  child.signal("SIGUSR1");
  await child.waitForLine("END OF CONFIGURATION DUMP", { limitMs: LIMIT_MS });
  child.signal("SIGTERM");
  assert.equal((await child.end(LIMIT_MS)).code, 0);
  assert.equal(host.holds(), false);
  assert.ok(api.requests.some((request) => writes(request, "")));
  await assert.rejects(Deno.stat(`${host.home}/state/${CONTROL_SOCKET}`), Deno.errors.NotFound);
});

onHost("whoever sends a second signal does not wait for an API server that hangs", "up", async (host) => {
  const api = host.serve();
  const child = host.manager();
  await child.waitForLine("address taken", { limitMs: LIMIT_MS });
  const release = api.request((request) => request.path === LEASE && writes(request, ""));
  api.freeze();
  child.signal("SIGTERM");
  await release;
  assert.equal(host.holds(), false);
  child.signal("SIGTERM");
  assert.equal((await child.end(LIMIT_MS)).code, 1);
});

onHost("a dump that nobody can read does not end the hold", "up", async (host) => {
  host.serve();
  const child = host.manager({}, ">/dev/full");
  await child.waitForLine("address taken", { limitMs: LIMIT_MS });
  child.signal("SIGUSR1");
  await child.waitForLine("could not print the configuration", { limitMs: LIMIT_MS });
  assert.equal(host.holds(), true);
  child.signal("SIGTERM");
  assert.equal((await child.end(LIMIT_MS)).code, 0);
});
