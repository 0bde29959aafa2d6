/** Runs the agent until a signal says stop. */
import { checkHost } from "../config/host_check.ts";
import { formatProblem } from "../config/findings.ts";
import type { PeersConfig, Problem } from "../config/types.ts";
import { SysError } from "../linux/errno.ts";
import { raiseFileLimit } from "../linux/limits.ts";
import { releaseGarbage } from "../linux/memory.ts";
import { raisePriority } from "../linux/priority.ts";
import { getLog } from "../observe/log.ts";
import { systemClock } from "../runtime/clock.ts";
import { isOurs } from "../vip/address.ts";
import type { PlacedVip } from "../vip/types.ts";
import { HostKernel } from "./host_kernel.ts";
import { peersRoutingOf } from "./routing_choice.ts";
import { PeersAgent } from "./peers_agent.ts";

const log = getLog("agent");

/** SIGHUP would end the process without a hand-over; a terminal that closes is no reason for that either. */
const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];

/** Runs peers mode; gives the exit status: 0 after an orderly stop, 1 if it could not start. */
export async function runPeersAgent(config: PeersConfig, version: string): Promise<number> {
  const stop = Promise.withResolvers<string>();
  const onSignal = STOP_SIGNALS.map((signal) => ({ signal, handler: () => stop.resolve(signal) }));
  for (const { signal, handler } of onSignal) Deno.addSignalListener(signal, handler);
  try {
    const agent = await startAgent(config, version);
    if (agent === null) return 1;
    log.info("stopping", { signal: await stop.promise });
    await agent.stop();
    log.info("stopped");
    return 0;
  } finally {
    for (const { signal, handler } of onSignal) Deno.removeSignalListener(signal, handler);
  }
}

async function startAgent(config: PeersConfig, version: string): Promise<PeersAgent | null> {
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
      version,
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
