/**
 * The label that says which node holds the control plane's address (`enable_node_labeling`). Best effort: a label that cannot be written
 * disturbs nothing.
 */
import type { Clock, Random, Timer } from "../base/clock.ts";
import { parseIp } from "../net/ip.ts";
import { getLog, type Log } from "../observe/log.ts";
import type { KubeAnswer, KubeClient } from "./api.ts";
import { Backoff } from "./backoff.ts";

/** Upstream's name. */
export const HAS_IP_LABEL = "kube-vip.io/has-ip";

/** Of a label's value, as the API takes it. */
const VALUE_LIMIT = 63;
const HASH_DIGITS = 8;
const REQUEST_MS = 5000;
/** Something that is forbidden may be allowed later, but not soon. */
const FORBIDDEN_MS = 60_000;
/** A server that has just started forbids everything until it has read the roles: only then is it meant. */
const FORBIDDEN_AFTER = 6;
const STOP_MS = 2000;
const STOP_AGAIN_MS = 200;

/**
 * Addresses as a label's value: IPv6 as 32 hexadecimal digits, several joined with `_`; what is too long is cut and ends in a hash.
 * @returns null for no address
 */
export function labelValue(addresses: readonly string[]): string | null {
  if (addresses.length === 0) return null;
  const whole = addresses.map((address) => {
    const ip = parseIp(address);
    return ip?.family === 6 ? ip.bytes.toHex() : address.replace(/[^A-Za-z0-9.-]/g, "-");
  }).join("_");
  if (whole.length <= VALUE_LIMIT) return whole;
  const kept = whole.slice(0, VALUE_LIMIT - HASH_DIGITS - 1).replace(/[^A-Za-z0-9]+$/, "");
  return `${kept}-${fnv1a(whole).toString(16).padStart(HASH_DIGITS, "0")}`;
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  return new TextEncoder().encode(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

export interface NodeLabelOptions {
  /** Not closed by the label. */
  readonly client: KubeClient;
  /** The node this program runs on. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
}

/** Keeps the label of one node as it should be. */
export class NodeLabel {
  readonly #options: NodeLabelOptions;
  readonly #log: Log;
  readonly #backoff: Backoff;
  #state: "new" | "running" | "stopped" = "new";
  #wanted: string | null = null;
  /** What the node has; undefined: not known, as at the start, when a crash may have left one. */
  #written: string | null | undefined = undefined;
  #writing: Promise<void> | null = null;
  #timer: Timer | null = null;
  #refusal: string | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: NodeLabelOptions) {
    this.#options = options;
    this.#log = options.log ?? getLog("kube");
    this.#backoff = new Backoff(options.random);
  }

  /** Begins; takes off what an earlier process left, unless something is held already. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#turn();
  }

  /** This node holds these addresses from now on; none: the label goes. Returns at once. */
  hold(addresses: readonly string[]): void {
    this.#wanted = labelValue(addresses);
    this.#turn();
  }

  /** Takes the label off, within two seconds or not at all. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  #turn(): void {
    if (this.#state !== "running" || this.#writing !== null || this.#timer !== null) return;
    if (this.#wanted === this.#written) return;
    this.#writing = this.#write(REQUEST_MS).then((again) => {
      this.#writing = null;
      if (again !== null && this.#state === "running") this.#timer = this.#later(again);
      this.#turn();
    }).catch((error: unknown) => this.#complain("broken", String(error)));
  }

  #later(afterMs: number): Timer {
    return this.#options.clock.after(afterMs, () => {
      this.#timer = null;
      this.#turn();
    });
  }

  /** Writes what is wanted. Gives the time to wait before the next try; null: it is written. */
  async #write(limitMs: number): Promise<number | null> {
    const { client, node } = this.#options;
    const value = this.#wanted;
    const answer = await client.request<unknown>({
      method: "PATCH",
      path: `/api/v1/nodes/${node}`,
      // A merge patch: null takes a label off, and does nothing where there is none.
      body: { metadata: { labels: { [HAS_IP_LABEL]: value } } },
      limitMs,
    });
    // Without an answer it may be written or not.
    this.#written = answer.outcome === "ok" ? value : undefined;
    return this.#judge(answer);
  }

  #judge(answer: KubeAnswer<unknown>): number | null {
    switch (answer.outcome) {
      case "ok":
        this.#backoff.reset();
        this.#refusal = null;
        return null;
      case "unreachable":
        return this.#backoff.next();
      case "refused": {
        const { status, reason, message, retryAfterMs } = answer;
        if (status !== 429 && status < 500) this.#complain(`${status} ${reason}`, message);
        const delayMs = this.#backoff.next();
        const isMeant = (status === 401 || status === 403) && this.#backoff.failures > FORBIDDEN_AFTER;
        return Math.max(delayMs, isMeant ? FORBIDDEN_MS : retryAfterMs ?? 0);
      }
    }
  }

  /** Says so once for each kind of refusal. */
  #complain(kind: string, message: string): void {
    if (this.#refusal === kind) return;
    this.#refusal = kind;
    this.#log.warning("The node's label cannot be written", { node: this.#options.node, reason: kind, message });
  }

  async #end(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#wanted = null;
    if (!wasRunning) return;
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const endMs = clock.now() + STOP_MS;
    const timer = clock.after(STOP_MS, late.resolve);
    await Promise.race([this.#takeOff(endMs), late.promise]);
    timer.cancel();
  }

  async #takeOff(endMs: number): Promise<void> {
    const { clock } = this.#options;
    await this.#writing;
    for (let leftMs = endMs - clock.now(); leftMs > 0 && this.#written !== null; leftMs = endMs - clock.now()) {
      await this.#write(leftMs);
      // Refused: nothing will change that in two seconds.
      if (this.#written === null || this.#refusal !== null) return;
      const pause = Promise.withResolvers<void>();
      clock.after(Math.min(STOP_AGAIN_MS, Math.max(0, endMs - clock.now())), pause.resolve);
      await pause.promise;
    }
  }
}
