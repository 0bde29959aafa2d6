/**
 * Whether API servers are fit to get connections: `GET /readyz` of each, over TLS and with the credentials of this node. A server that is
 * asked to stop says no before it closes anything, and one that has started says yes when it has read its roles. Beside it one read through
 * etcd, as `/readyz` says yes for seconds after that is gone.
 *
 * All of them depend on etcd: when that pauses, none is ready, and to end every connection for it would be an outage of our own making. So
 * silence and bad answers count only if another server was well meanwhile, and not before every one had two intervals to get over it. One
 * that refuses connections is gone in any case.
 */
import type { CheckResult } from "../balance/health.ts";
import type { Checks } from "../balance/kernel/kernel_balancer.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { KubeAnswer, KubeClient } from "../kube/api.ts";
import { getLog, type Log } from "../observe/log.ts";

/** What says of a server that it wants connections. */
const READYZ = "/readyz";
/**
 * The server has shown a certificate of the cluster, which does not name this address. Clients, who come by another name, may find
 * theirs in it: that is not for the check to say.
 */
const OTHER_NAME = /certificate not valid for name/i;
/** The kernel of this machine or of the server's says so: refused, unreachable, reset. */
const GONE = /\(os error \d+\)/;
/** So many results in a row change what is said of a server; the first one says it at once. */
const IN_A_ROW = 2;
/** A server is asked less often than that while another one leaves two questions without an answer. */
const REMEMBERED = 8;

export interface ControlPlaneChecksOptions {
  /** Whose credentials are used; not closed by this. */
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Path of one object, which is read without a version: the server has to ask etcd. */
  readonly objectPath: string;
  readonly onResult: (index: number, result: CheckResult) => void;
}

interface Server {
  /** Changes when the server is wanted for something else. */
  index: number;
  /** `address:port`. */
  readonly host: string;
  readonly client: KubeClient;
  timer: Timer | null;
  /** What was said of it last; null: nothing yet. */
  said: boolean | null;
  /** Whether it is to be said again. */
  isMoved: boolean;
  /** When the latest questions were asked that were answered well. */
  wellMs: readonly number[];
  /** Results in a row that differ from what was said, and when the one before the latest was asked for. */
  against: number;
  sinceMs: number;
}

/** What one check found. */
interface Finding extends CheckResult {
  /** Whether it is to be believed of all servers at once, too. */
  readonly isSure: boolean;
}

/** Asks each server at once and then again and again, side by side. */
export class ControlPlaneChecks implements Checks {
  readonly #options: ControlPlaneChecksOptions;
  readonly #log: Log = getLog("balance");
  /** By host: what is known of a server is so, whatever it is wanted for. */
  readonly #servers = new Map<string, Server>();
  readonly #asking = new Set<Promise<void>>();
  #times = { intervalMs: 1000, timeoutMs: 1000 };
  #state: "new" | "running" | "stopped" = "new";
  /** Whether none was well when last one was found ill. */
  #isDoubtful = false;
  /** When the first was well again after that. */
  #againMs = -Infinity;

  constructor(options: ControlPlaneChecksOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    for (const server of this.#servers.values()) this.#ask(server);
  }

  update(...[targets, { intervalMs, timeoutMs }]: Parameters<Checks["update"]>): void {
    if (this.#state === "stopped") return;
    this.#times = { intervalMs, timeoutMs };
    const wanted = new Set([...targets.values()].map(({ host }) => host));
    for (const server of [...this.#servers.values()]) if (!wanted.has(server.host)) this.#drop(server);
    for (const [index, { host }] of targets) {
      const known = this.#servers.get(host);
      if (known !== undefined) {
        this.#move(known, index);
        continue;
      }
      const client = this.#options.client.at(`https://${host}`);
      const fresh = { timer: null, said: null, isMoved: false, wellMs: [], against: 0, sinceMs: -Infinity };
      const server: Server = { index, host, client, ...fresh };
      this.#servers.set(host, server);
      if (this.#state === "running") this.#ask(server);
    }
  }

  /** Cuts what is under way, too. Idempotent. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const server of [...this.#servers.values()]) this.#drop(server);
    await Promise.all(this.#asking);
  }

  /** Whoever knows it by the other index has not heard of it: the next answer comes soon, and is said whatever it is. */
  #move(server: Server, index: number): void {
    if (index === server.index) return;
    server.index = index;
    server.isMoved = true;
    if (server.timer === null || this.#state !== "running") return;
    server.timer.cancel();
    this.#ask(server);
  }

  #drop(server: Server): void {
    this.#servers.delete(server.host);
    server.timer?.cancel();
    server.client.close();
  }

  #isCurrent(server: Server): boolean {
    return this.#servers.get(server.host) === server;
  }

  /** The next question comes an interval after this one, or with its answer if that is later. */
  #ask(server: Server): void {
    const { clock, objectPath } = this.#options;
    const { intervalMs, timeoutMs } = this.#times;
    const startMs = clock.now();
    server.timer = null;
    const get = (path: string): Promise<KubeAnswer<unknown>> =>
      server.client.request<unknown>({ method: "GET", path, limitMs: timeoutMs });
    const asking = Promise.all([READYZ, objectPath].map(async (path) => judge(await get(path), path)))
      .then((findings) => {
        if (this.#isCurrent(server)) this.#note(server, { ...worst(findings), askedMs: startMs });
      })
      .catch((error: unknown) =>
        this.#log.error("A check of an API server failed in itself", { reason: String(error) })
      );
    this.#asking.add(asking);
    asking.then(() => {
      this.#asking.delete(asking);
      if (!this.#isCurrent(server)) return;
      const waitMs = Math.max(0, startMs + intervalMs - clock.now());
      server.timer = clock.after(waitMs, () => this.#ask(server));
    });
  }

  #note(server: Server, { ok, detail, isSure, askedMs }: Finding & { readonly askedMs: number }): void {
    if (ok) {
      server.wellMs = [...server.wellMs, askedMs].slice(-REMEMBERED);
      this.#doubt(false);
    }
    if (ok === server.said) {
      server.against = 0;
      if (server.isMoved) this.#say(server, { ok, detail });
      return;
    }
    const { sinceMs } = server;
    server.sinceMs = askedMs;
    if (++server.against < IN_A_ROW && server.said !== null) return;
    // What has never been used is no loss.
    const isClear = ok || isSure || server.said === null;
    if (!isClear && askedMs < this.#againMs + IN_A_ROW * this.#times.intervalMs) return;
    const isBelieved = isClear || this.#wasAnotherWell(sinceMs, askedMs);
    if (!isBelieved) return this.#doubt(true);
    server.against = 0;
    this.#say(server, { ok, detail });
  }

  #say(server: Server, { ok, detail }: CheckResult): void {
    server.said = ok;
    server.isMoved = false;
    this.#options.onResult(server.index, { ok, detail });
  }

  /** Between the two questions that a server did not answer well; not later: then what was wrong with all may have just ended. */
  #wasAnotherWell(sinceMs: number, untilMs: number): boolean {
    return [...this.#servers.values()].some((one) => one.wellMs.some((atMs) => atMs >= sinceMs && atMs < untilMs));
  }

  #doubt(isDoubtful: boolean): void {
    if (isDoubtful === this.#isDoubtful) return;
    this.#isDoubtful = isDoubtful;
    if (!isDoubtful) this.#againMs = this.#options.clock.now();
    if (isDoubtful) this.#log.warning("No API server is well: connections go where they went");
    else this.#log.info("Checks of the API servers count again");
  }
}

/** The first that speaks against the server, a sure one before others. */
function worst(findings: readonly Finding[]): Finding {
  const bad = findings.filter(({ ok }) => !ok);
  return bad.find(({ isSure }) => isSure) ?? bad[0] ?? findings[0] ?? { ok: false, detail: "not asked", isSure: false };
}

/** Who refuses a question (401, 403, 404, 429) lives; trouble of its own (5xx) and silence count against it. */
function judge(answer: KubeAnswer<unknown>, path: string): Finding {
  switch (answer.outcome) {
    case "ok":
      return { ok: true, detail: `answers ${answer.status}`, isSure: true };
    case "refused":
      return { ok: answer.status < 500, detail: `answers ${answer.status} to ${path}`, isSure: false };
    case "unreachable": {
      const { cause } = answer;
      return { ok: OTHER_NAME.test(cause), detail: `does not answer (${cause})`, isSure: GONE.test(cause) };
    }
  }
}
