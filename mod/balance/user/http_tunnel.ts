/** Bytes from one flow to the other and back, without looking at them: what becomes of a connection after an upgrade. */
import { MOST_READS, type ScratchInput } from "./http_input.ts";
import type { Flow } from "./types.ts";

/** How far it is. */
export type TunnelState = "open" | "ended" | "broken";

/** Two flows; whoever owns them tells it when something may be moved. */
export class Tunnel {
  readonly #left: Flow;
  readonly #right: Flow;
  readonly #scratch: ScratchInput;
  readonly #ended = new Set<Flow>();

  constructor(left: Flow, right: Flow, scratch: ScratchInput) {
    this.#left = left;
    this.#right = right;
    this.#scratch = scratch;
  }

  /** Moves what there is, both ways. An end of one direction is passed on and leaves the other open. */
  move(): TunnelState {
    if (!this.#copy(this.#left, this.#right) || !this.#copy(this.#right, this.#left)) return "broken";
    // An end is seen only when everything before it has left.
    return this.#ended.size === 2 ? "ended" : "open";
  }

  /** Gives false when the source has broken. */
  #copy(from: Flow, to: Flow): boolean {
    for (let reads = 0; !this.#ended.has(from) && to.keptBytes === 0; reads++) {
      if (reads === MOST_READS) {
        from.readAgain();
        return true;
      }
      const count = this.#scratch.receiveContent(from);
      if (count === 0) return true;
      if (count === -2) return false;
      if (count === -1) {
        this.#ended.add(from);
        to.finish();
      } else {
        this.#scratch.start = this.#scratch.end;
        this.#scratch.sendUsed(to);
      }
    }
    return true;
  }
}
