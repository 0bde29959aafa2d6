import type { Clock } from "../base/clock.ts";
import { Errno, SysError } from "../linux/errno.ts";
import type { NftSocket } from "../linux/nft_socket.ts";
import type { NetlinkRequest } from "../net/netlink/message.ts";
import {
  changeGuard,
  GUARD_FAMILIES,
  GUARD_TABLE,
  type Guarded,
  guardMembers,
  installGuard,
  keyText,
  type Live,
  removeGuard,
  revokeGuard,
  TimeoutProbe,
} from "./guard.ts";
import { type LiveUntil, type Permission, PermissionUnavailable } from "./kernel.ts";
import { MOST_TIMEOUT_MS, Renewal } from "./renewal.ts";

/** A commit may be overtaken by one of somebody else's; after so many in a row it goes out regardless. */
const OVERTAKEN_LIMIT = 3;
/** A commit that takes longer is repeated: the kernel counts time-outs from its end, they were computed at its beginning. */
const PUNCTUAL_MS = 5;
/** So many slow commits in a row, then the addresses are denied. */
const MOST_SLOW = 3;
/** From this slow commit on, the next one is expected to take as long. */
const EXPECT_SLOW = 2;
/** Rules that change while they are installed are looked at again, so many times. */
const INSTALL_ATTEMPTS = 5;
/** Time-outs for the probe, long and far apart. */
const PROBE_MS = [10_000, 20_000] as const;
/**
 * How kernels without what the guard needs answer to its first batch: no nf_tables (EOPNOTSUPP), no such family, or no such kind of
 * chain, set or expression (ENOENT also for these; nothing in that batch can be missing otherwise).
 */
const LACKING: readonly number[] = [
  Errno.ENOENT,
  Errno.EOPNOTSUPP,
  Errno.EPROTONOSUPPORT,
  Errno.EPFNOSUPPORT,
  Errno.EAFNOSUPPORT,
];
/** No generation of a ruleset has this number; in a batch it stands for any. */
const ANY_GENERATION = 0;

/** What of {@link NftSocket} is needed here. */
export type NftTables = Pick<
  NftSocket,
  "commit" | "commitPrepared" | "generation" | "tables" | "chains" | "rules" | "sets" | "elements"
>;

/**
 * Permission kept by nftables. Throws SysError when the kernel refuses.
 *
 * Every commit of anybody gives the ruleset a new generation number. As long as the number is the one our last commit made, nobody has
 * touched anything; when it is another, the kernel refuses the renewal and the tables are compared with what was installed.
 *
 * That also keeps a renewal from being late: one that has waited for somebody's commit finds another generation, and its time-outs, by
 * then too long, are never taken. What remains (a batch of somebody's that failed, a machine without time for us) is measured.
 */
export class NftPermission implements Permission {
  readonly #socket: NftTables;
  readonly #clock: Clock;
  #vips: readonly Guarded[] = [];
  /** The one our last commit made; ANY_GENERATION if it is not known. */
  #generation = ANY_GENERATION;
  #shape = "";
  #how: "update" | "replace" = "replace";
  #renewal = new Renewal([], "replace");

  /** @param socket belongs to the caller, who closes it */
  constructor(socket: NftTables, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  install(vips: readonly Guarded[]): void {
    this.#vips = [...vips];
    try {
      for (let attempt = 1; attempt <= INSTALL_ATTEMPTS; attempt++) {
        if (this.#tryInstall() === "installed") return;
      }
      throw new SysError("install guard", Errno.EAGAIN, { subject: "into rules that keep changing" });
    } catch (error) {
      this.#removeQuietly();
      throw error;
    }
  }

  manage(vips: readonly Guarded[], live: readonly LiveUntil[]): "changed" | "rebuilt" {
    const before = this.#vips;
    this.#vips = [...vips];
    const change = changeGuard(before, vips);
    if (change.length === 0) return "changed";
    try {
      for (let attempt = 1; attempt <= OVERTAKEN_LIMIT && this.#isWhole(before); attempt++) {
        if (this.#tryChange(change) === "done") return "changed";
      }
      this.#generation = ANY_GENERATION;
      this.#settle(live, false);
      return "rebuilt";
    } catch (error) {
      // Whoever looks next finds other addresses in the guard than there should be, and builds it anew.
      this.#generation = ANY_GENERATION;
      throw error;
    }
  }

  allow(live: readonly LiveUntil[]): "refreshed" | "rebuilt" {
    if (live.length > 0) return this.#settle(live, true);
    return this.verify(live) === "whole" ? "refreshed" : "rebuilt";
  }

  deny(ips: readonly string[]): void {
    this.#generation = ANY_GENERATION;
    try {
      this.#socket.commit(revokeGuard(ips));
    } catch (error) {
      if (!hasErrno(error, Errno.ENOENT)) throw error;
      // Somebody removed the guard: without it nothing is silent. Build it again with no address live; the next renewal adds the others.
      this.#socket.commit(installGuard(this.#vips, []));
    }
  }

  verify(live: readonly LiveUntil[]): "whole" | "rebuilt" {
    if (this.#isWhole()) return "whole";
    this.#settle(live, false);
    return "rebuilt";
  }

  uninstall(): void {
    this.#socket.commit(removeGuard());
  }

  /** Nothing but our own commit may lie between the generations: only then the look shows the whole guard. */
  #tryInstall(): "installed" | "disturbed" {
    try {
      this.#buildFirst();
      this.#shape = this.#look();
      if (this.#socket.generation() !== this.#generation) return "disturbed";
      this.#generation = ANY_GENERATION;
      this.#how = this.#takesNewTimeouts() ? "update" : "replace";
      return "installed";
    } catch (error) {
      if (hasErrno(error, Errno.ERESTART) || hasErrno(error, Errno.ENOENT)) return "disturbed";
      throw error;
    }
  }

  #buildFirst(): void {
    try {
      this.#commit([], { isWhole: false, gate: this.#socket.generation() });
    } catch (error) {
      throw error instanceof SysError && isLack(error) ? new PermissionUnavailable(error) : error;
    }
  }

  /** Commits until one was punctual; throws ETIMEDOUT, with all of them denied, if none is. */
  #settle(live: readonly LiveUntil[], found: boolean): "refreshed" | "rebuilt" {
    let isWhole = found;
    let outcome: "refreshed" | "rebuilt" = "refreshed";
    let [overtaken, slow, tookMs] = [0, 0, 0];
    while (slow < MOST_SLOW) {
      const isGated = overtaken < OVERTAKEN_LIMIT;
      if (isWhole && this.#generation === ANY_GENERATION) isWhole = this.#isWhole();
      const gate = isGated ? (isWhole ? this.#generation : this.#socket.generation()) : ANY_GENERATION;
      const allowanceMs = slow < EXPECT_SLOW ? 0 : tookMs;
      const startMs = this.#clock.now();
      const given = timeoutsAt(live, startMs + allowanceMs);
      const done = this.#tryCommit(given, { isWhole, gate });
      tookMs = this.#clock.now() - startMs;
      if (done === "done") {
        if (!isWhole) outcome = "rebuilt";
        isWhole = true;
        // A slow commit before may have given an address time after its deadline.
        if (slow > 0) this.#denyOthers(live, given);
        if (tookMs - allowanceMs <= PUNCTUAL_MS) return outcome;
        if (++slow < MOST_SLOW) this.#denyOthers(live, timeoutsAt(live, this.#clock.now()));
      } else {
        overtaken++;
        isWhole = done === "overtaken" && this.#isWhole();
      }
    }
    this.deny(live.map((entry) => entry.ip));
    throw new SysError("renew permission", Errno.ETIMEDOUT, { subject: `within ${tookMs.toFixed(0)} ms` });
  }

  /** `gone`: the guard is not there. */
  #tryCommit(live: readonly Live[], how: { isWhole: boolean; gate: number }): "done" | "overtaken" | "gone" {
    try {
      this.#commit(live, how);
      return "done";
    } catch (error) {
      if (hasErrno(error, Errno.ERESTART)) return "overtaken";
      if (how.isWhole && hasErrno(error, Errno.ENOENT)) return "gone";
      throw error;
    }
  }

  #tryChange(change: readonly NetlinkRequest[]): "done" | "overtaken" {
    const gate = this.#generation;
    try {
      this.#socket.commit(change, gate);
      this.#generation = following(gate);
      return "done";
    } catch (error) {
      if (hasErrno(error, Errno.ERESTART)) return "overtaken";
      throw error;
    }
  }

  #commit(live: readonly Live[], { isWhole, gate }: { isWhole: boolean; gate: number }): void {
    if (!isWhole) this.#socket.commit(installGuard(this.#vips, live), gate);
    else if (live.length === 0) return;
    else this.#socket.commitPrepared(this.#renewalFor(live).with(live), gate);
    this.#generation = gate === ANY_GENERATION ? ANY_GENERATION : following(gate);
  }

  #renewalFor(live: readonly Live[]): Renewal {
    if (!this.#renewal.fits(live)) this.#renewal = new Renewal(live.map((entry) => entry.ip), this.#how);
    return this.#renewal;
  }

  #denyOthers(all: readonly LiveUntil[], kept: readonly Live[]): void {
    const others = all.filter(({ ip }) => !kept.some((entry) => entry.ip === ip)).map(({ ip }) => ip);
    if (others.length > 0) this.deny(others);
  }

  /** @param vips what is to be in its sets */
  #isWhole(vips: readonly Guarded[] = this.#vips): boolean {
    const generation = this.#socket.generation();
    if (generation === this.#generation) return true;
    if (this.#look() !== this.#shape || !this.#hasMembers(vips)) return false;
    this.#generation = generation;
    return true;
  }

  /** Leaves no half of a guard; what kept it from being installed matters more than what keeps it from being removed. */
  #removeQuietly(): void {
    try {
      this.uninstall();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
    }
  }

  /** Whether an element that exists takes a new time-out (kernel 6.12); tried, because distributions take fixes back to older ones. */
  #takesNewTimeouts(): boolean {
    for (const timeoutMs of PROBE_MS) this.#socket.commit(TimeoutProbe.give(timeoutMs));
    const [probed] = this.#socket.elements(TimeoutProbe.set);
    this.#socket.commit(TimeoutProbe.end());
    return probed?.timeoutMs === PROBE_MS[1] && probed.expiresInMs > PROBE_MS[0];
  }

  /** Everything of the guard that never changes while it is whole, as text to compare. */
  #look(): string {
    const parts = GUARD_FAMILIES.map((family) => {
      const table = { family, table: GUARD_TABLE };
      const rules = this.#socket.rules(table).map(({ chain, expressions }) => ({ chain, expressions }));
      // With its flags: a dormant table is there, and does nothing.
      const known = this.#socket.tables().find((each) => each.family === family && each.table === GUARD_TABLE) ?? null;
      return { known, chains: this.#socket.chains(table), rules, sets: this.#socket.sets(table) };
    });
    return JSON.stringify(parts);
  }

  /** Whether the sets of managed addresses are there and hold just these; the live ones change all the time and are ours alone to write. */
  #hasMembers(vips: readonly Guarded[]): boolean {
    try {
      return guardMembers(vips).every(({ set, keys }) => {
        const present = this.#socket.elements(set).map(({ key }) => keyText(key)).sort();
        return present.length === keys.length && present.every((key, index) => key === keys[index]);
      });
    } catch (error) {
      if (hasErrno(error, Errno.ENOENT)) return false;
      throw error;
    }
  }
}

/** The generation after this one; 0 is left out. */
function following(generation: number): number {
  return generation >= 0xffff_ffff ? 1 : generation + 1;
}

function timeoutsAt(live: readonly LiveUntil[], atMs: number): Live[] {
  return live.map(({ ip, validUntilMs }) => ({
    ip,
    timeoutMs: Math.min(MOST_TIMEOUT_MS, Math.floor(validUntilMs - atMs)),
  }))
    .filter(({ timeoutMs }) => timeoutMs > 0);
}

/** A question to a subsystem that is not there is answered with EINVAL (nfnetlink_rcv_msg), a batch with EOPNOTSUPP. */
function isLack(error: SysError): boolean {
  return LACKING.includes(error.errno) || (error.errno === Errno.EINVAL && error.subject === "generation");
}

function hasErrno(error: unknown, errno: number): boolean {
  return error instanceof SysError && error.errno === errno;
}
