/** Runs the agent until a signal says stop. */
import { checkHost } from "../config/host_check.ts";
import { formatProblem } from "../config/findings.ts";
import type { PeersConfig, Problem } from "../config/types.ts";
import { SysError } from "../linux/errno.ts";
import { raiseFileLimit } from "../linux/limits.ts";
import { releaseGarbage } from "../linux/memory.ts";
import { raisePriority } from "../linux/priority.ts";
import { getLog } from "../observe/log.ts";
import { configureLogging } from "../observe/logging.ts";
import { systemClock } from "../runtime/clock.ts";
import { isOurs } from "../vip/address.ts";
import type { PlacedVip } from "../vip/types.ts";
import { HostKernel } from "./host_kernel.ts";
import type { Build } from "./manager_run.ts";
import { peersRoutingOf } from "./routing_choice.ts";
import { PeersAgent } from "./peers_agent.ts";
import { type ConfigSource, Reloader, type ReloadOutcome } from "./reload.ts";

const log = getLog("agent");

const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];
const RELOAD_SIGNAL: Deno.Signal = "SIGHUP";

/** What an agent is run with besides its configuration. */
export interface RunOptions {
  /** Where the configuration is from; null: of environment and flags alone, which do not change while a process runs. */
  readonly source: ConfigSource | null;
}

/** Runs peers mode; gives the exit status: 0 after an orderly stop, 1 if it could not start. */
export async function runPeersAgent(config: PeersConfig, build: Build, { source }: RunOptions): Promise<number> {
  const stop = Promise.withResolvers<string>();
  const onReload = new Reloads();
  const handlers = [
    ...STOP_SIGNALS.map((signal) => [signal, () => stop.resolve(signal)] as const),
    [RELOAD_SIGNAL, () => onReload.request()] as const,
  ];
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  try {
    const agent = await startAgent(config, build);
    if (agent === null) return 1;
    const reloader = source === null ? null : new Reloader({
      source,
      apply: (next) => goOver(agent, next),
      clock: systemClock,
      watch: config.watchConfig,
    });
    onReload.goTo(reloader);
    log.info("stopping", { signal: await stop.promise });
    await Promise.all([reloader?.stop(), agent.stop()]);
    log.info("stopped");
    return 0;
  } finally {
    for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
  }
}

async function goOver(agent: PeersAgent, next: PeersConfig): Promise<ReloadOutcome> {
  const outcome = await agent.reload(next);
  if (outcome.outcome === "applied") configureLogging({ level: next.logLevel, format: next.logFormat });
  return outcome;
}

/** Requests to apply the file anew; those that come before the agent serves are kept until it does. */
class Reloads {
  #request: (() => void) | null = null;
  #isEarly = false;

  request(): void {
    if (this.#request === null) this.#isEarly = true;
    else this.#request();
  }

  goTo(reloader: Reloader | null): void {
    this.#request = () => {
      if (reloader === null) log.warning("SIGHUP: there is no configuration file that could be applied anew");
      else reloader.request();
    };
    if (this.#isEarly) this.#request();
  }
}

async function startAgent(config: PeersConfig, build: Build): Promise<PeersAgent | null> {
  let kernel: HostKernel | null = null;
  try {
    kernel = new HostKernel(systemClock);
    const placed = place(config, kernel);
    if (placed === null) {
      await kernel.close();
      return null;
    }
    raiseFileLimit();
    if (raisePriority() === "refused") log.debug("no right to run before ordinary work (CAP_SYS_NICE)");
    releaseGarbage();
    const agent = new PeersAgent({
      config,
      placed,
      kernel,
      clock: systemClock,
      build,
      routing: peersRoutingOf(config, { kernel, clock: systemClock }),
    });
    await agent.start();
    return agent;
  } catch (error) {
    log.error(startProblem(error), { cause: error instanceof Error ? error.message : String(error) });
    await kernel?.close();
    return null;
  }
}

/** Which link gets which address, or null after every reason against it has been printed. */
function place(config: PeersConfig, kernel: HostKernel): PlacedVip[] | null {
  if (config.disableVip) return [];
  const host = { links: kernel.book.links(), addresses: kernel.book.addresses(), isOurs };
  const result = checkHost(config, host);
  for (const warning of result.warnings) log.warning("configuration", { finding: formatProblem(warning, null) });
  if (result.outcome === "unfit") {
    for (const problem of result.problems) report(problem);
    return null;
  }
  return result.placed.map(({ vip, link }) => ({ ...vip, linkName: link.name }));
}

function report(problem: Problem): void {
  log.error("configuration does not fit this machine; nothing was started", { finding: formatProblem(problem, null) });
}

function startProblem(error: unknown): string {
  const denied = error instanceof SysError && (error.code === "EPERM" || error.code === "EACCES");
  return denied ? "needs root, or the capabilities CAP_NET_ADMIN and CAP_NET_RAW" : "could not start";
}
