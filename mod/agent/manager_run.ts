/** Runs the agent of `manager` until a signal says stop. */
import { formatProblem } from "../config/findings.ts";
import type { ApiServerSettings, ManagerConfig } from "../config/manager/types.ts";
import type { KubeClient } from "../kube/api.ts";
import { chooseServer, hostWorld } from "../kube/choose_server.ts";
import { createKubeClient } from "../kube/client.ts";
import { hostFiles } from "../kube/files.ts";
import { SERVICE_ACCOUNT_FOLDER } from "../kube/kubeconfig.ts";
import { bootId } from "../linux/boot_id.ts";
import { SysError } from "../linux/errno.ts";
import { raiseFileLimit } from "../linux/limits.ts";
import { releaseGarbage } from "../linux/memory.ts";
import { raisePriority } from "../linux/priority.ts";
import type { DumpSetting } from "../observe/dump_types.ts";
import { getLog } from "../observe/log.ts";
import { systemClock } from "../runtime/clock.ts";
import { removeLeftovers } from "../vip/leftovers.ts";
import { chooseLink, type LinkFacts, placeOn } from "../vip/placing.ts";
import { electionOf } from "./elections.ts";
import { HostKernel } from "./host_kernel.ts";
import { ManagerAgent } from "./manager_agent.ts";
import { routingOf } from "./routing_choice.ts";
import { beSole } from "./sole_agent.ts";
import { StopSignals, untilStop } from "./stop_signals.ts";

const log = getLog("agent");

/** A server that is looked for on this machine may still be starting. */
const LOOK_AGAIN_MS = 2000;

export interface Build {
  readonly version: string;
  readonly commit: string;
}

/** Runs until it is told to stop; gives the exit status: 0 after an orderly stop, 1 if it could not start. */
export async function runManagerAgent(
  config: ManagerConfig,
  settings: ReadonlyMap<string, DumpSetting>,
  build: Build,
): Promise<number> {
  const signals = new StopSignals();
  const sole = await beSole({ clock: systemClock, signals });
  try {
    if (sole === null) return 0;
    const agent = await startAgent(config, { settings, build, signals });
    if (agent === null) return signals.stopped ? 0 : 1;
    signals.onSecond = () => {
      agent.abort();
      Deno.exit(1);
    };
    signals.onDump = () => print(agent);
    log.info("stopping", { signal: await signals.stop });
    await agent.stop();
    log.info("stopped");
    return 0;
  } finally {
    sole?.release();
    signals.close();
  }
}

/** What keeps a dump from being made or read (the kernel, a closed pipe) must not end a process that holds addresses. */
function print(agent: ManagerAgent): void {
  try {
    const bytes = new TextEncoder().encode(agent.dump());
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  } catch (error) {
    log.warning("could not print the configuration", { cause: String(error) });
  }
}

interface Start {
  readonly settings: ReadonlyMap<string, DumpSetting>;
  readonly build: Build;
  readonly signals: StopSignals;
}

async function startAgent(config: ManagerConfig, start: Start): Promise<ManagerAgent | null> {
  let kernel: HostKernel | null = null;
  let client: KubeClient | null = null;
  try {
    kernel = new HostKernel(systemClock);
    const link = place(config, kernel);
    const server = link === null ? null : await findServer(config, start);
    if (link === null || server === null) {
      await kernel.close();
      return null;
    }
    client = server.client;
    raiseFileLimit();
    if (raisePriority() === "refused") log.debug("no right to run before ordinary work (CAP_SYS_NICE)");
    releaseGarbage();
    const agent = new ManagerAgent({
      config,
      routing: routingOf(config, { kernel, link, client, clock: systemClock }),
      settings: start.settings,
      kernel,
      link,
      client,
      namespace: server.namespace,
      bootId: bootId() ?? "unknown",
      clock: systemClock,
      build: start.build,
      elect: electionOf({ config, client, namespace: server.namespace, poller: kernel.poller }),
    });
    await agent.start();
    return agent;
  } catch (error) {
    log.error(startProblem(error), { cause: error instanceof Error ? error.message : String(error) });
    client?.close();
    await kernel?.close();
    return null;
  }
}

/** The link for the addresses, with nothing left there; null after every reason against it has been said. */
function place(config: ManagerConfig, kernel: HostKernel): LinkFacts | null {
  const links = kernel.book.links();
  const choice = chooseLink({
    interface: config.interface,
    links,
    defaultRoutes: kernel.book.defaultRoutes(),
    allowNotUp: config.allowInterfaceNotUp,
  });
  if (choice.outcome === "impossible") {
    log.error("checking interface", { problem: choice.problem });
    return null;
  }
  if (choice.warning !== null) log.warning("checking interface", { warning: choice.warning });
  const { v4, v6 } = config.prefixLengths;
  const addresses = config.addresses.flatMap((one) =>
    one.is === "ip" ? [{ ip: one.ip, prefixLength: one.ip.includes(":") ? v6 : v4 }] : []
  );
  const { placed, problems, warnings } = placeOn({
    addresses,
    link: choice.link,
    links,
    present: kernel.book.addresses(),
    defaultRoutes: kernel.book.defaultRoutes(),
    loopbackGlobalScope: config.loopbackGlobalScope,
  });
  for (const warning of warnings) log.warning("configuration", { finding: formatProblem(warning, null) });
  for (const problem of problems) {
    log.error("configuration does not fit this machine; nothing was started", {
      finding: formatProblem(problem, null),
    });
  }
  if (problems.length > 0) return null;
  // Where every node serves, what an earlier run left may be serving: routers keep its routes for as long.
  if (config.elects) removeLeftovers(kernel.book, placed);
  return choice.link;
}

interface Server {
  /** null: the election needs none. */
  readonly client: KubeClient | null;
  /** Of the Lease. */
  readonly namespace: string;
}

/** The API server to talk to; null after saying why there is none. */
async function findServer(config: ManagerConfig, start: Start): Promise<Server | null> {
  const managed = config.addresses.flatMap((one) => one.is === "ip" ? [one.ip] : []);
  const world = hostWorld({
    clock: systemClock,
    controlPlane: true,
    avoid: managed,
    onStale: (cause) =>
      log.warning("cannot read the credentials any more; those that were read last are used", { cause }),
  });
  const ownNamespace = config.lease.namespace ?? await serviceAccountNamespace() ?? config.namespace;
  if (config.election.type === "etcd") return { client: null, namespace: ownNamespace };
  let settings: ApiServerSettings = config.apiServer;
  const warned = new Set<string>();
  for (let said = ""; !start.signals.stopped;) {
    // Many addresses may be tried, each for seconds: a stop does not wait for that.
    const choice = await Promise.race([chooseServer(settings, world), start.signals.stop.then(() => null)]);
    if (choice === null) break;
    for (const warning of choice.warnings.filter((one) => !warned.has(one))) {
      warned.add(warning);
      log.warning("API server", { warning });
    }
    if (choice.outcome === "chosen") {
      log.info("API server", { server: choice.server, as: choice.origin });
      const client = createKubeClient({
        server: choice.server,
        credentials: choice.credentials,
        clock: systemClock,
        random: Math.random,
        version: start.build.version,
        log: getLog("kube"),
      });
      return { client, namespace: ownNamespace };
    }
    if (choice.message !== said) log.error("no API server", { cause: choice.message });
    said = choice.message;
    // Among peers nobody has to wait for the server that the certificate would tell of.
    if (settings.detect && config.election.type === "peers") settings = { ...settings, detect: false };
    else if (!settings.detect) return null;
    else await untilStop(LOOK_AGAIN_MS, { clock: systemClock, signals: start.signals });
  }
  return null;
}

/** Of the Pod this runs in; null outside of one. Upstream puts the Lease there unless its name says where. */
async function serviceAccountNamespace(): Promise<string | null> {
  const text = await hostFiles.read(`${SERVICE_ACCOUNT_FOLDER}/namespace`);
  return text === null || text.trim() === "" ? null : text.trim();
}

function startProblem(error: unknown): string {
  const denied = error instanceof SysError && (error.code === "EPERM" || error.code === "EACCES");
  return denied ? "needs root, or the capabilities CAP_NET_ADMIN and CAP_NET_RAW" : "could not start";
}
