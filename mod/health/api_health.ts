/** Whether this node's own API server lets it hold: checks again and again, and says when the verdict changes. */

import { assert, assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { KubeClient } from "../kube/api.ts";
import { getLog } from "../observe/log.ts";
import type { Health, HealthSource } from "./fitness.ts";
import { askServer, SERVER_CHECK } from "./livez.ts";
import { type CheckResult, judge, type Limits, type Tally, UNCHECKED } from "./threshold.ts";
import { UrlCheck } from "./url_check.ts";

const log = getLog("health");

/** What is asked, how often, and how much it takes to believe a failure. */
export interface Probe {
  readonly periodMs: number;
  readonly limits: Limits;
  /** Asks once, in bounded time; never throws. */
  ask(): Promise<CheckResult>;
  close(): void;
}

/** The settings of the check: `HealthSettings` of the configuration fits. */
export interface CheckSettings {
  /** null: `/livez` of the local API server and a read through it; the other settings are not for that. */
  readonly url: URL | null;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
  readonly caPath: string | null;
}

/** What a probe is made from, beside the settings. */
export interface ProbeOptions {
  /** Of the local API server; forked for what is asked here. null where there is none: then a URL is needed. */
  readonly client: KubeClient | null;
  readonly clock: Clock;
  /** Path of the object that is read through etcd beside `/livez`; null: `/livez` only. Not for a check of a URL. */
  readonly objectPath: string | null;
}

/** The probe that the settings ask for; closed by the {@link ApiHealth} that gets it. Throws HealthCheckError. */
export function makeProbe(settings: CheckSettings, options: ProbeOptions): Probe {
  const { client, clock, objectPath } = options;
  const { url, timeoutMs, caPath, periodMs, failureThreshold } = settings;
  if (url === null) {
    assert(client !== null, "without a URL there is an API server to check");
    return serverProbe(client.fork(), objectPath);
  }
  const check = new UrlCheck({ url, timeoutMs, caPath, clock });
  return {
    periodMs,
    limits: { gone: failureThreshold, ailing: failureThreshold },
    ask: () => check.ask(),
    close: () => check.close(),
  };
}

function serverProbe(client: KubeClient, objectPath: string | null): Probe {
  return {
    periodMs: SERVER_CHECK.periodMs,
    limits: SERVER_CHECK.limits,
    ask: () => askServer(client, objectPath),
    close: () => client.close(),
  };
}

/** See the head of this file. */
export class ApiHealth implements HealthSource {
  onChange: (health: Health) => void = () => {};
  readonly #probe: Probe;
  readonly #clock: Clock;
  #tally: Tally = UNCHECKED;
  #timer: Timer | null = null;
  #state: "new" | "running" | "closed" = "new";

  constructor(probe: Probe, clock: Clock) {
    this.#probe = probe;
    this.#clock = clock;
  }

  /** Checks at once, and from then on. Idempotent. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#check();
  }

  health(): Health {
    return this.#tally.health;
  }

  /** Ends the checks; what is under way is not heard any more. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer?.cancel();
    this.#probe.close();
  }

  /** The next check starts a period after this one started, or when this one has ended, if that is later. */
  #check(): void {
    const startMs = this.#clock.now();
    this.#ask().then((result) => {
      if (this.#state !== "running") return;
      const waitMs = startMs + this.#probe.periodMs - this.#clock.now();
      this.#timer = this.#clock.after(Math.max(0, waitMs), () => this.#check());
      this.#note(result);
    }).catch((error: unknown) => log.error("a change of health was not taken well", { cause: messageOf(error) }));
  }

  /** A probe that breaks its word and throws must not end the checks. */
  async #ask(): Promise<CheckResult> {
    try {
      return await this.#probe.ask();
    } catch (error) {
      return { outcome: "ailing", why: `the health check failed in itself (${messageOf(error)})` };
    }
  }

  #note(result: CheckResult): void {
    const before = this.#tally.health;
    this.#tally = judge(this.#tally, result, this.#probe.limits);
    const { health } = this.#tally;
    if (health.is === before.is) return;
    announce(health);
    this.onChange(health);
  }
}

function announce(health: Health): void {
  switch (health.is) {
    case "unhealthy":
      return log.warning("this node is not fit to hold addresses", { why: health.why });
    case "healthy":
      return log.info("this node is fit to hold addresses");
    case "unknown":
      return;
    default:
      return assertNever(health);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
