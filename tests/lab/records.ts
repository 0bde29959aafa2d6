/**
 * What the two probes write, a line for each event, and the tables made of it.
 *
 *     s <family> <number> <ms>          a request was sent
 *     r <family> <number> <ms> [<mac>]  a reply arrived (the sampler adds who answered)
 *     c <family> 0 <ms> <mac>           somebody announced the address without being asked
 *
 * The pinger may ask others at the same moments; `o ` is before the lines about them.
 */

import { assertNever } from "../../mod/base/assert.ts";
import type { Inquiry, Ping } from "./analysis.ts";
import { Changes } from "./time.ts";

/** 4 or 6. */
export type Family = 4 | 6;

export const FAMILIES: readonly Family[] = [4, 6];

/** Who has not answered for so long does not answer now. */
const RECENT_MS = 50;

/** The probes send a request this often for each family. */
export const PROBE_EVERY_MS = 5;

interface Request {
  readonly sentMs: number;
  readonly answers: { atMs: number; mac: string }[];
}

const LETTERS = { sent: "s", reply: "r", claim: "c" } as const;
const KINDS: Readonly<Record<string, keyof typeof LETTERS>> = { s: "sent", r: "reply", c: "claim" };

/** An announcement that nobody had asked for. */
export interface Claim {
  readonly atMs: number;
  readonly mac: string;
}

/** One event of a probe. */
export interface ProbeEvent {
  readonly kind: keyof typeof LETTERS;
  readonly family: Family;
  readonly number: number;
  readonly atMs: number;
  /** Who answered; empty from the pinger. */
  readonly mac: string;
}

/** Writes an event as a line without its end. */
export function formatEvent(event: ProbeEvent): string {
  const head = `${LETTERS[event.kind]} ${event.family} ${event.number} ${event.atMs.toFixed(2)}`;
  return event.mac === "" ? head : `${head} ${event.mac}`;
}

/** Before the lines about others. */
export const OTHERS = "o ";

/** Takes one line of a pinger that asks others, too. */
export function feedPings(line: string, records: { readonly pings: ProbeRecord; readonly others: ProbeRecord }): void {
  if (line.startsWith(OTHERS)) records.others.feed(line.slice(OTHERS.length));
  else records.pings.feed(line);
}

/** Reads a line; null when it is none of a probe's. */
export function parseEvent(line: string): ProbeEvent | null {
  const match = /^([src]) ([46]) (\d+) (\d+(?:\.\d+)?)(?: ([0-9a-f:]{17}))?$/.exec(line);
  if (match === null) return null;
  const [, letter = "", family, number, atMs, mac = ""] = match;
  const kind = KINDS[letter];
  if (kind === undefined) return null;
  return {
    kind,
    family: family === "4" ? 4 : 6,
    number: Number(number),
    atMs: Number(atMs),
    mac,
  };
}

/** The growing record of one probe. */
export class ProbeRecord {
  readonly changes = new Changes();
  readonly #requests: Record<Family, Map<number, Request>> = { 4: new Map(), 6: new Map() };
  readonly #claims: Record<Family, Claim[]> = { 4: [], 6: [] };
  readonly #newest: Record<Family, number> = { 4: -1, 6: -1 };
  #knownMs = -Infinity;

  /** Takes one line of the probe's output; others are ignored. */
  feed(line: string): void {
    const event = parseEvent(line);
    if (event === null) return;
    const requests = this.#requests[event.family];
    const { atMs, mac } = event;
    this.#knownMs = Math.max(this.#knownMs, atMs);
    switch (event.kind) {
      case "sent":
        requests.set(event.number, { sentMs: atMs, answers: [] });
        this.#newest[event.family] = event.number;
        break;
      case "reply":
        requests.get(event.number)?.answers.push({ atMs, mac });
        break;
      case "claim":
        this.#claims[event.family].push({ atMs, mac });
        break;
      default:
        assertNever(event.kind);
    }
    this.changes.changed();
  }

  /**
   * The moment up to which everything is here that the probe has seen. It is behind the clock where whoever reads has to wait for a
   * processor: a request may have been answered since.
   */
  get knownMs(): number {
    return this.#knownMs;
  }

  /** Forgets everything up to now, so that a long run does not fill the memory. */
  clear(): void {
    for (const family of FAMILIES) {
      this.#requests[family].clear();
      this.#claims[family].length = 0;
    }
  }

  /** What was announced without being asked, in the order of arrival. */
  claims(family: Family): readonly Claim[] {
    return this.#claims[family];
  }

  /** The requests of a family, in the order of sending, with the first reply of each. */
  pings(family: Family): Ping[] {
    return this.inquiries(family).map(({ sentMs, answers }) => ({ sentMs, repliedMs: answers[0]?.atMs ?? null }));
  }

  /** The requests of a family, in the order of sending, with all replies. */
  inquiries(family: Family): Inquiry[] {
    return [...this.#requests[family].values()];
  }

  /** Moments at which requests were sent. */
  sentMs(family: Family): number[] {
    return this.inquiries(family).map((inquiry) => inquiry.sentMs);
  }

  /** Since when every request up to now has been answered; null when the last but a few was not. */
  servedSince(family: Family): number | null {
    let since: number | null = null;
    let young = 4;
    for (let number = this.#newest[family]; number >= 0; number--) {
      const request = this.#requests[family].get(number);
      if (request === undefined) break;
      const reply = request.answers[0];
      if (reply !== undefined) since = Math.min(reply.atMs, since ?? Infinity);
      else if (since !== null || young-- <= 0) break;
    }
    return since;
  }

  /** Whether requests of both families have been answered without a gap for so long, and one of them was sent at `sinceMs` or later. */
  isSteady(forMs: number, sinceMs = -Infinity): boolean {
    return FAMILIES.every((family) => {
      const since = this.servedSince(family);
      const newest = this.newestSentMs(family);
      return since !== null && newest >= sinceMs && newest - since >= forMs;
    });
  }

  /** Who answered the requests of the last {@link RECENT_MS}, each machine once. */
  answering(family: Family): ReadonlySet<string> {
    const macs = new Set<string>();
    const newest = this.#newest[family];
    const sinceMs = this.newestSentMs(family) - RECENT_MS;
    for (let number = newest; number >= 0; number--) {
      const request = this.#requests[family].get(number);
      if (request === undefined || request.sentMs < sinceMs) break;
      for (const { mac } of request.answers) macs.add(mac);
    }
    return macs;
  }

  /** When the newest request was sent; -Infinity before the first. */
  newestSentMs(family: Family): number {
    return this.#requests[family].get(this.#newest[family])?.sentMs ?? -Infinity;
  }
}
