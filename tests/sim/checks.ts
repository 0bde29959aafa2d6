import type { Entry, MemberId, Snapshot } from "../../mod/election/raft/types.ts";
import type { DiskImage } from "./disk.ts";

/** Thrown when the cluster broke a promise; the message states it. */
export class Violation extends Error {
  override readonly name = "Violation";
}

function fail(promise: string, detail: string): never {
  throw new Violation(`${promise}: ${detail}`);
}

const TEXT = new TextDecoder();

/** The state machine of the simulation: a digest over everything applied. */
export function digest(previous: string, entry: Entry): string {
  let hash = 2166136261;
  for (const char of `${previous}|${entry.index}|${entry.term}|${TEXT.decode(entry.data)}`) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  }
  return (hash >>> 0).toString(16);
}

/** Sees everything, from outside, in true time; no member does. */
export class Checker {
  readonly #leaders = new Map<number, MemberId>();
  readonly #entries = new Map<string, string>();
  /** With the term in which each was first seen to be committed. */
  readonly #committed: { term: number; state: string; inTerm: number }[] = [{ term: 0, state: "", inTerm: 0 }];
  readonly #held = new Map<string, Map<MemberId, number>>();
  /** How often each kind of thing was looked at: a check that never ran proves nothing. */
  readonly seen = { leaderships: 0, commits: 0, grants: 0, handovers: 0, grantEnds: 0 };

  /**
   * At most one leader a term (raft thesis §3.4), and it has every entry committed in a term before (§3.6). A candidate that stood
   * still may count its votes when a later term has long committed more: it leads nobody.
   */
  leads(member: MemberId, term: number, log: DiskImage): void {
    const known = this.#leaders.get(term);
    if (known !== undefined) {
      if (known !== member) fail("one leader a term", `term ${term} has ${known} and ${member}`);
      return;
    }
    this.#leaders.set(term, member);
    this.seen.leaderships++;
    for (let index = (log.snapshot?.index ?? 0) + 1; index < this.#committed.length; index++) {
      const committed = this.#committed[index];
      if (committed !== undefined && committed.inTerm < term && log.termAt(index) !== committed.term) {
        fail("a leader has every committed entry", `${member} in term ${term} lacks ${index}`);
      }
    }
  }

  /** Same index and term mean same entry and same predecessor, hence the same log up to there (§3.5). */
  wrote(member: MemberId, entries: readonly Entry[], log: DiskImage): void {
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const value = `${log.termAt(entry.index - 1) ?? "?"} ${TEXT.decode(entry.data)}`;
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, value);
      else if (known !== value) fail("logs match", `${member} has ${key} as ${value}, known as ${known}`);
    }
  }

  /**
   * Everybody applies the same entries in the same order; what is committed once stays. Gives the state after `entry`, for a member
   * that is in `term` and had `state`.
   */
  applied(member: MemberId, entry: Entry, at: { readonly state: string; readonly term: number }): string {
    const after = digest(at.state, entry);
    const known = this.#committed[entry.index];
    if (known === undefined) {
      if (entry.index !== this.#committed.length) fail("commits have no gap", `${member} applies ${entry.index}`);
      this.#committed.push({ term: entry.term, state: after, inTerm: at.term });
      this.seen.commits++;
    } else if (known.term !== entry.term || known.state !== after) {
      fail(
        "applied sequences are equal",
        `${member} applies ${entry.index} of term ${entry.term}, known ${known.term}`,
      );
    }
    return after;
  }

  /** A snapshot stands for exactly the entries it replaces. */
  restored(member: MemberId, snapshot: Snapshot): string {
    const state = TEXT.decode(snapshot.data);
    if (this.#committed[snapshot.index]?.state !== state) {
      fail("a snapshot equals its entries", `${member} restores ${snapshot.index}`);
    }
    return state;
  }

  /** `member`'s kernel answers for `ip` from `now` until `until`, whatever becomes of the process. */
  allowed(member: MemberId, grant: { readonly ip: string; readonly now: number; readonly until: number }): void {
    const { ip, now, until } = grant;
    let holders = this.#held.get(ip);
    if (holders === undefined) this.#held.set(ip, holders = new Map());
    for (const [other, end] of holders) {
      if (other === member) continue;
      if (end > now) fail("grants of one address never overlap", `${ip}: ${other} until ${end}, ${member} at ${now}`);
      holders.delete(other);
      this.seen.handovers++;
    }
    holders.set(member, until);
    this.seen.grants++;
  }

  /** `member`'s kernel stopped answering for `ip` before its time. */
  denied(member: MemberId, ip: string): void {
    if (this.#held.get(ip)?.delete(member)) this.seen.grantEnds++;
  }

  /** Who answers for `ip` at `now`. */
  holder(ip: string, now: number): MemberId | null {
    for (const [member, until] of this.#held.get(ip) ?? []) {
      if (until > now) return member;
    }
    return null;
  }
}
