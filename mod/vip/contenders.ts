import type { Grant } from "../election/elector.ts";
import { getLog } from "../observe/log.ts";
import type { Attempts } from "./attempts.ts";
import { Conflicts, type Sighting, type SightingOutcome } from "./conflict.ts";
import type { Announcer } from "./kernel.ts";
import { Probes } from "./probes.ts";

const log = getLog("vip");

/** An address that begins to be managed while others are held is taken no earlier: whoever has it has been asked twice by then. */
const LISTEN_MS = 100;

/** When another member was last known to hold an address, and how long its claims may still be on the wire. */
export type Elsewhere = (ip: string) => { readonly atMs: number | null; readonly graceMs: number };

/**
 * Who else has an address, or may have: asks the network, remembers what was seen, and refuses what is a stranger's. Its owner calls
 * {@link due} in time.
 */
export class Contenders {
  readonly #announcer: Announcer | null;
  readonly #elsewhere: Elsewhere;
  readonly #attempts: Attempts;
  readonly #conflicts = new Conflicts();
  readonly #probes = new Probes();
  /** Addresses that were refused, and whose they are. */
  readonly #refused = new Map<string, string>();
  /** Addresses that came lately, until when nobody takes them, and the grant that came meanwhile. */
  readonly #listening = new Map<string, { readonly untilMs: number; readonly grant: Grant | null }>();

  constructor(
    options: { readonly announcer: Announcer | null; readonly elsewhere: Elsewhere; readonly attempts: Attempts },
  ) {
    this.#announcer = options.announcer;
    this.#elsewhere = options.elsewhere;
    this.#attempts = options.attempts;
  }

  /** Asks who has the address. */
  ask(ip: string, now: number): void {
    this.#probes.begin(ip, now);
  }

  /** Asks who has an address that has just come, and lets it be taken only after a while. */
  listen(ip: string, now: number): void {
    this.ask(ip, now);
    this.#listening.set(ip, { untilMs: now + LISTEN_MS, grant: null });
  }

  /** Whether the grant came too early; then {@link ready} gives it in time. */
  defers(grant: Grant, now: number): boolean {
    const listening = this.#listening.get(grant.scope);
    if (listening === undefined || listening.untilMs <= now) return false;
    this.#listening.set(grant.scope, { ...listening, grant });
    return true;
  }

  /** The grants that have waited long enough. */
  ready(now: number): Grant[] {
    const over = [...this.#listening].filter(([, { untilMs }]) => untilMs <= now);
    for (const [ip] of over) this.#listening.delete(ip);
    return over.map(([, { grant }]) => grant).filter((grant) => grant !== null);
  }

  /** A grant that waits is not valid any more. */
  revoke(ip: string): void {
    const listening = this.#listening.get(ip);
    if (listening !== undefined) this.#listening.set(ip, { ...listening, grant: null });
  }

  /** Asks what is due, but for what is held here. */
  due(now: number, isHeld: (ip: string) => boolean): void {
    for (const ip of this.#probes.take(now, (one) => this.#refused.has(one))) {
      if (!isHeld(ip)) this.#attempts.run("probe", () => this.#announcer?.probe(ip));
    }
  }

  /** The next moment something is due, or null. */
  nextDeadline(): number | null {
    const moments = [...this.#listening.values()].map(({ untilMs }) => untilMs);
    const probeMs = this.#probes.nextDeadline();
    if (probeMs !== null) moments.push(probeMs);
    return moments.length === 0 ? null : Math.min(...moments);
  }

  /** Judges what was seen on the wire. */
  see(sighting: Sighting, now: number, context: Parameters<Conflicts["see"]>[2]): SightingOutcome {
    return this.#conflicts.see(sighting, now, context);
  }

  /** Whether the address is a stranger's; says so once. */
  refuses(ip: string, now: number): boolean {
    const mac = this.#conflicts.stranger(ip, now, this.#elsewhere(ip));
    if (mac === null) {
      if (this.#refused.delete(ip)) log.info("the stranger is silent, the address is free", { ip });
      return false;
    }
    if (!this.#refused.has(ip)) {
      log.error("refusing to hold an address that another machine answers for; free it there, or change vip", {
        ip,
        mac,
      });
      this.#probes.later(ip, now);
    }
    this.#refused.set(ip, mac);
    return true;
  }

  /** Whose a refused address is; null if it was not refused. */
  owner(ip: string): string | null {
    return this.#refused.get(ip) ?? null;
  }

  /** Whether somebody outside the cluster answers for one of the addresses, as far as is known. */
  isAny(ips: readonly string[], now: number): boolean {
    return ips.some((ip) => this.#conflicts.stranger(ip, now, this.#elsewhere(ip)) !== null);
  }

  /** How many claims of others were seen while the address was held here. */
  count(ip: string): number {
    return this.#conflicts.count(ip);
  }

  /** The address is not managed any more. */
  forget(ip: string): void {
    this.#conflicts.forget(ip);
    this.#probes.end(ip);
    this.#refused.delete(ip);
    this.#listening.delete(ip);
  }
}
