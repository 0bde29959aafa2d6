import { assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Elector, ElectorStatus, GrantSink, RevokeReason, Standing } from "./elector.ts";
import { GrantFeed } from "./grant_feed.ts";
import { HoldDown } from "./hold_down.ts";

export interface EveryNodeOptions {
  /** This node's name, which is what {@link EveryNode.observe} calls the leader. */
  readonly identity: string;
  /** Canonical texts; asked at every look. */
  readonly addresses: () => readonly string[];
  /** Whether this node can serve now; asked at every look. */
  readonly fit: () => boolean;
  /**
   * How long an address stays after the last look: longer than routers keep the routes of a process that restarts (graceful restart), as
   * the kernel is to answer meanwhile.
   */
  readonly leaseMs: number;
  /** From the withdrawal until routers send no more, when the address goes. @default {1000} */
  readonly settleMs?: number;
  /** Before a planned withdrawal routers are given so long to prefer others; with settleMs, less than leaseMs. */
  readonly drainMs: number;
  /** Called on every change, between the calls to the sink that belong to it: after the grants, before the end of them. */
  readonly onStanding: (standing: Standing) => void;
  readonly clock: Clock;
  readonly sink: GrantSink;
}

const SETTLE_MS = 1000;

/**
 * Looks so often, or four times in a lease that is shorter: nobody tells of a link without carrier, or of one that has it again, and a
 * process that is killed just before a look is to leave almost the whole lease behind.
 */
const LOOK_MS = 500;
const LOOKS_IN_A_LEASE = 4;

type State =
  | { readonly at: "new" | "stopped" }
  /** Nothing is granted; `timer` is the next look. */
  | { readonly at: "unfit"; readonly timer: Timer }
  /** Granted; `timer` is the next look. */
  | { readonly at: "serving"; readonly timer: Timer }
  /** Withdrawn, still granted; `timer` ends that. */
  | { readonly at: "settling"; readonly timer: Timer }
  /** Stopping; granted until `timer` after the next. */
  | { readonly at: "draining"; readonly timer: Timer };

/**
 * No election: every node that is fit holds every address, and routers share the traffic out or choose (BGP, routing table). What makes
 * it safe is that routers send to a node only as long as it tells them to, so an address goes after its routes: settleMs later. An address
 * whose name is gone has no time of its own to settle: whoever listens to the holder withdraws its route before the address goes.
 */
export class EveryNode implements Elector {
  readonly #options: EveryNodeOptions;
  readonly #feed: GrantFeed;
  #state: State = { at: "new" };
  /** How often this node began to serve. */
  #epoch = 0;
  #stopping: PromiseWithResolvers<void> | null = null;
  readonly #holdDown = new HoldDown();

  constructor(options: EveryNodeOptions) {
    this.#options = options;
    this.#feed = new GrantFeed(options.sink);
  }

  start(): Promise<void> {
    if (this.#state.at === "new") {
      this.#wait();
      this.refresh();
    }
    return Promise.resolve();
  }

  /** Looks at once whether this node is fit and what its addresses are: whoever learns of a change calls this. */
  refresh(): void {
    const state = this.#state;
    switch (state.at) {
      case "unfit":
        if (this.#mayServe()) this.#begin();
        else this.#wait();
        break;
      case "serving":
        if (this.#options.fit()) this.#renew();
        else this.#fail();
        break;
      case "settling":
        if (this.#stopping === null && this.#mayServe()) this.#resume();
        break;
      case "draining":
        if (!this.#options.fit()) this.#withdraw();
        break;
      case "new":
      case "stopped":
        break;
      default:
        assertNever(state);
    }
  }

  /**
   * Drains, withdraws and gives up, in drainMs and settleMs together; at once where nothing is served. All callers wait for the same
   * end.
   */
  stop(): Promise<void> {
    if (this.#stopping !== null) return this.#stopping.promise;
    this.#stopping = Promise.withResolvers();
    const state = this.#state;
    switch (state.at) {
      case "serving":
        this.#drain();
        break;
      case "new":
      case "unfit":
        this.#end();
        break;
      // The routes are withdrawn and what is left is being waited for.
      case "settling":
      case "draining":
      case "stopped":
        break;
      default:
        assertNever(state);
    }
    return this.#stopping.promise;
  }

  /** Good at any time: it depends on nobody. {@link ElectorStatus.transitions} counts how often this node began to serve. */
  observe(): ElectorStatus {
    const { at } = this.#state;
    const leading = at === "serving";
    const nowMs = at === "new" ? null : this.#options.clock.now();
    return {
      leader: leading ? this.#options.identity : null,
      leading,
      transitions: this.#epoch,
      goodMs: nowMs,
      triedMs: nowMs,
      trouble: at === "unfit" || (at === "settling" && this.#stopping === null)
        ? "this node is not fit to serve"
        : null,
    };
  }

  #begin(): void {
    this.#epoch++;
    this.#resume();
  }

  #mayServe(): boolean {
    return this.#holdDown.allows(this.#options.fit(), this.#options.clock.now());
  }

  #fail(): void {
    this.#holdDown.fails(this.#options.clock.now());
    this.#withdraw();
  }

  #resume(): void {
    this.#holdDown.begins(this.#options.clock.now());
    this.#renew();
    this.#options.onStanding("serving");
  }

  #wait(): void {
    this.#after("unfit", this.#lookMs, () => this.refresh());
  }

  /** Grants what is held now for another lease, ends what is not, and looks again soon. */
  #renew(): void {
    this.#after("serving", this.#lookMs, () => this.refresh());
    this.#grant();
  }

  get #lookMs(): number {
    return Math.min(LOOK_MS, this.#options.leaseMs / LOOKS_IN_A_LEASE);
  }

  #grant(): void {
    const { addresses, clock, leaseMs } = this.#options;
    const validUntil = clock.now() + leaseMs;
    const held = addresses().map((scope) => ({ scope, epoch: this.#epoch, validUntil }));
    this.#feed.update(held, () => "reassigned");
  }

  #drain(): void {
    const { drainMs, onStanding } = this.#options;
    this.#grant();
    this.#after("draining", drainMs, () => this.#withdraw());
    onStanding("draining");
  }

  /** The routes go now, the addresses when nobody sends any more. */
  #withdraw(): void {
    const { onStanding, settleMs = SETTLE_MS } = this.#options;
    this.#after("settling", settleMs, () => this.#end());
    onStanding("withdrawn");
  }

  #end(): void {
    const stopping = this.#stopping;
    if (stopping === null) this.#wait();
    else {
      if ("timer" in this.#state) this.#state.timer.cancel();
      this.#state = { at: "stopped" };
    }
    try {
      const reason: RevokeReason = stopping === null ? "unfit" : "stopping";
      this.#feed.update([], () => reason);
    } finally {
      stopping?.resolve();
    }
  }

  /** Goes to another state, which lasts so long at most. */
  #after(at: "unfit" | "serving" | "settling" | "draining", delayMs: number, then: () => void): void {
    if ("timer" in this.#state) this.#state.timer.cancel();
    this.#state = { at, timer: this.#options.clock.after(delayMs, then) };
  }
}
