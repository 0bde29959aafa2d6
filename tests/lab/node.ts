import { assert } from "../../mod/base/assert.ts";
import { Child } from "./child.ts";
import type { Daemon, Launch, Place } from "./daemon.ts";
import type { Machine } from "./network.ts";
import { VIP_4, VIP_6 } from "./plan.ts";
import { sleep } from "./time.ts";

const READY_POLL_MS = 40;

/** A machine that runs the daemon. Stopped by the laboratory. */
export class LabNode {
  readonly machine: Machine;
  readonly place: Place;
  readonly #daemon: Daemon;
  readonly #launch: Launch;
  #child: Child | null = null;

  constructor(machine: Machine, daemon: Daemon, place: Place) {
    this.machine = machine;
    this.place = place;
    this.#daemon = daemon;
    this.#launch = daemon.prepare(place);
  }

  get name(): string {
    return this.machine.name;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.status === null;
  }

  /** The running daemon's process. */
  get child(): Child {
    assert(this.#child !== null, `${this.name} has been started`);
    return this.#child;
  }

  /** The last lines of the daemon's log; none before its first start. */
  get log(): readonly string[] {
    return this.#child?.log ?? [];
  }

  /** Starts the daemon. An instance that runs already is an error of the test. */
  start(): void {
    assert(!this.running, `${this.name} does not run yet`);
    const { argv, env } = this.#launch;
    this.#child = Child.start(argv, { name: this.name, inside: this.machine.inside, env: { ...env } });
  }

  /** Resolves when the daemon takes part in the cluster. Throws, with its log, when it ends before or takes too long. */
  async ready(limitMs: number): Promise<void> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      if (!this.running) throw new Error(`${this.name} ended (${JSON.stringify(this.child.status)}):\n${this.#tail()}`);
      if (await this.#daemon.isReady(this.place)) return;
      if (performance.now() > untilMs) {
        throw new Error(`${this.name} is not ready after ${limitMs} ms:\n${this.#tail()}`);
      }
      await sleep(READY_POLL_MS);
    }
  }

  /** SIGKILL: it ends without a word. */
  async kill(): Promise<void> {
    await this.child.stop("SIGKILL");
  }

  /** SIGTERM: it leaves in order. */
  async terminate(): Promise<Deno.CommandStatus> {
    return await this.child.stop("SIGTERM");
  }

  /** SIGSTOP: it hangs. */
  pause(): void {
    this.child.signal("SIGSTOP");
  }

  /** SIGCONT: it goes on. */
  resume(): void {
    this.child.signal("SIGCONT");
  }

  /** Removes the addresses that a daemon without leases leaves behind when it is killed. */
  forgetAddresses(): void {
    this.machine.removeAddress(VIP_4, 32);
    this.machine.removeAddress(VIP_6, 128);
  }

  /** Ends the daemon for good. */
  async dispose(): Promise<void> {
    if (this.#child === null) return;
    await this.#child.stop("SIGKILL");
  }

  #tail(): string {
    return this.log.slice(-40).join("\n");
  }
}
