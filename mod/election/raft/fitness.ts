/** Which members can put addresses to use: tells the others about this one, and remembers what they say. Pure. */
import type { MemberId } from "./types.ts";

/** The own state is looked at this often. */
const LOOK_EVERY_MS = 100;
/** An unfit member says so this often: a datagram may be lost, and a peer that starts has to learn it. */
const SAY_EVERY_MS = 500;
/** What a member said is believed this long, so that one that restarts fit is not avoided for ever. */
const BELIEVED_MS = 3000;
/** Leadership moves away from here at most this often: members that all fail in turn do not pass it round without pause. */
const MOVE_EVERY_MS = 1000;

/** What a peer that turns up says of itself is here by then, though the network may bring its answer first. */
const HEAR_MS = 50;

/** What a member says of itself. */
export type FitnessWord = "fit" | "unfit";

/** What a {@link Fitness} works with. */
export interface FitnessOptions {
  readonly self: MemberId;
  readonly peers: readonly MemberId[];
  readonly now: number;
  /** True when this machine can put its addresses to use. */
  readonly fit: () => boolean;
  readonly say: (to: MemberId, word: FitnessWord) => void;
}

/** A member of which nothing was said is fit. */
export class Fitness {
  readonly #options: FitnessOptions;
  readonly #unfitUntil = new Map<MemberId, number>();
  #fit = true;
  #lookAt = -Infinity;
  #sayAt = -Infinity;
  #moveAt: number;
  /** When each peer was heard the last time. */
  readonly #metAt = new Map<MemberId, number>();
  readonly #turnedUpAt = new Map<MemberId, number>();

  constructor(options: FitnessOptions) {
    this.#options = options;
    // By then every unfit peer has said so.
    this.#moveAt = options.now + 2 * SAY_EVERY_MS;
  }

  /** Whether this machine was fit when it was last looked at. */
  get isFit(): boolean {
    return this.#fit;
  }

  /** Looks at this machine, and tells the others what changed; repeats that it is unfit. To be called at least once a beat. */
  tick(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_EVERY_MS;
    const fit = this.#options.fit();
    if (fit === this.#fit && (fit || now < this.#sayAt)) return;
    this.#fit = fit;
    this.#sayAt = now + SAY_EVERY_MS;
    for (const peer of this.#options.peers) this.#options.say(peer, fit ? "fit" : "unfit");
  }

  /**
   * A peer was heard. One that turns up, for the first time or again, has missed what was said meanwhile, and is told before it is answered:
   * otherwise unfit members that do not know of each other pass leadership round in milliseconds.
   */
  met(now: number, peer: MemberId): void {
    if (!this.#options.peers.includes(peer)) return;
    const before = this.#metAt.get(peer) ?? -Infinity;
    this.#metAt.set(peer, now);
    if (now - before < SAY_EVERY_MS) return;
    this.#turnedUpAt.set(peer, now);
    if (!this.#fit) this.#options.say(peer, "unfit");
  }

  /** A peer said what it is. */
  heard(now: number, from: MemberId, word: FitnessWord): void {
    if (!this.#options.peers.includes(from)) return;
    if (word === "unfit") this.#unfitUntil.set(from, now + BELIEVED_MS);
    else this.#unfitUntil.delete(from);
  }

  /** The members that are known to be unfit, this one included. */
  unfit(now: number): ReadonlySet<MemberId> {
    const unfit = new Set([...this.#unfitUntil].filter(([, until]) => now < until).map(([id]) => id));
    if (!this.#fit) unfit.add(this.#options.self);
    return unfit;
  }

  /** The first of `candidates` that is not known to be unfit. */
  firstFit(now: number, candidates: readonly MemberId[]): MemberId | null {
    const unfit = this.unfit(now);
    return candidates.find((id) => !unfit.has(id)) ?? null;
  }

  /** Who is to lead in place of this member, if it is unfit and one of `candidates` is fit; a name is given once a second at most. */
  successor(now: number, candidates: () => readonly MemberId[]): MemberId | null {
    if (this.#fit || now < this.#moveAt) return null;
    const hasSpoken = (id: MemberId): boolean => now - (this.#turnedUpAt.get(id) ?? -Infinity) >= HEAR_MS;
    const to = this.firstFit(now, candidates().filter(hasSpoken));
    if (to !== null) this.#moveAt = now + MOVE_EVERY_MS;
    return to;
  }
}
