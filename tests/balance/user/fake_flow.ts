/** A loop and flows without a kernel: what comes is given by the test, what is sent is kept for it, and time passes when it says so. */
import assert from "node:assert/strict";
import type { Endpoint } from "../../../mod/balance/balancer.ts";
import type { Destination, Flow, FlowOwner, Loop } from "../../../mod/balance/user/types.ts";
import { latin1Text } from "../../../mod/net/http1_fields.ts";
import { latin1Bytes } from "../../net/http1_cases.ts";

const NOBODY: FlowOwner = {
  opened: () => {},
  readable: () => {},
  drained: () => {},
  failed: () => {},
  expired: () => {},
};

/** One connection; the test is the peer and the kernel. */
export class FakeFlow implements Flow {
  owner: FlowOwner;
  local: Endpoint = { ip: "192.0.2.1", port: 80 };
  source: Endpoint = { ip: "192.0.2.9", port: 40_000 };
  receivedBytes = 0;
  sentBytes = 0;
  keptBytes = 0;
  sinceSentMs = Infinity;
  acknowledgedBytes = Infinity;
  isClosed = false;
  /** How it was ended here. */
  ending: "" | "finish" | "close" | "reset" = "";
  /** Bytes that the kernel takes before the rest is kept. */
  room = Infinity;
  wantsAgain = false;
  expiresAtMs = Infinity;
  readonly #loop: FakeLoop;
  #input: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #hasEnded = false;
  #sent = "";
  #kept = "";

  constructor(loop: FakeLoop, owner: FlowOwner = NOBODY) {
    this.#loop = loop;
    this.owner = owner;
  }

  get remote(): Endpoint {
    return this.source;
  }

  get target(): Endpoint {
    return this.local;
  }

  get hasInput(): boolean {
    return !this.isClosed && (this.#input.length > 0 || this.#hasEnded);
  }

  receive(into: Uint8Array<ArrayBuffer>, most = into.length): number {
    if (this.isClosed) return -2;
    if (this.#input.length === 0) return this.#hasEnded ? -1 : 0;
    const count = Math.min(most, this.#input.length);
    into.set(this.#input.subarray(0, count));
    this.#input = this.#input.slice(count);
    this.receivedBytes += count;
    return count;
  }

  readAgain(): void {
    this.wantsAgain = true;
  }

  send(bytes: Uint8Array<ArrayBuffer>, count = bytes.length): boolean {
    if (this.isClosed) return true;
    const text = latin1Text(bytes.subarray(0, count));
    const taken = this.keptBytes > 0 ? 0 : Math.min(count, this.room);
    this.#took(text.slice(0, taken));
    this.#kept += text.slice(taken);
    this.keptBytes = this.#kept.length;
    return this.keptBytes === 0;
  }

  finish(): void {
    if (this.ending === "") this.ending = "finish";
  }

  expireIn(delayMs: number): void {
    this.expiresAtMs = this.#loop.nowMs + delayMs;
  }

  neverExpire(): void {
    this.expiresAtMs = Infinity;
  }

  close(): void {
    this.#end("close");
  }

  reset(): void {
    this.#end("reset");
  }

  #end(how: "close" | "reset"): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ending = how;
    this.keptBytes = 0;
    this.expiresAtMs = Infinity;
  }

  #took(text: string): void {
    this.#sent += text;
    this.sentBytes += text.length;
    this.room -= text.length;
  }

  /** The connect has succeeded. */
  open(): void {
    if (!this.isClosed) this.owner.opened(this);
  }

  /** The peer sends this. */
  give(text: string): void {
    this.arrive(text);
    this.owner.readable(this);
    this.again();
  }

  /** The peer sends this, and the loop has not heard of it yet. */
  arrive(text: string): void {
    const more = latin1Bytes(text);
    const all = new Uint8Array(this.#input.length + more.length);
    all.set(this.#input);
    all.set(more, this.#input.length);
    this.#input = all;
  }

  /** The loop's next turns, for as long as somebody asks for them. */
  again(): void {
    while (this.wantsAgain && !this.isClosed) {
      this.wantsAgain = false;
      this.owner.readable(this);
    }
  }

  /** The peer's FIN. */
  end(): void {
    this.#hasEnded = true;
    this.owner.readable(this);
  }

  /** A RST comes, or the connect fails. */
  fail(errno = 104): void {
    this.#end("close");
    this.owner.failed(this, errno);
  }

  /** The kernel takes so much more of what is kept. */
  drain(room = Infinity): void {
    this.room = room;
    const taken = Math.min(room, this.#kept.length);
    this.#took(this.#kept.slice(0, taken));
    this.#kept = this.#kept.slice(taken);
    this.keptBytes = this.#kept.length;
    if (this.keptBytes === 0) this.owner.drained(this);
  }

  /** What has left since this was asked the last time. */
  take(): string {
    const sent = this.#sent;
    this.#sent = "";
    return sent;
  }

  /** Bytes that the peer has sent and nobody has received. */
  get waiting(): number {
    return this.#input.length;
  }
}

/** The time and every flow that was made. */
export class FakeLoop implements Loop {
  nowMs = 1000;
  readonly scratch: Uint8Array<ArrayBuffer>;
  readonly flows: FakeFlow[] = [];
  readonly outgoing: { readonly flow: FakeFlow; readonly to: string }[] = [];
  /** No socket is to be had. */
  isExhausted = false;
  /** ENETUNREACH. */
  exhaustedBy = 101;
  connectErrno = 0;

  constructor(scratchBytes = 16_384) {
    this.scratch = new Uint8Array(scratchBytes);
  }

  connect(to: Destination, owner: FlowOwner): Flow | null {
    if (this.isExhausted) {
      this.connectErrno = this.exhaustedBy;
      return null;
    }
    const flow = this.flow(owner);
    this.outgoing.push({ flow, to: to.name });
    return flow;
  }

  /** A flow that stands. */
  flow(owner?: FlowOwner): FakeFlow {
    const flow = new FakeFlow(this, owner);
    this.flows.push(flow);
    return flow;
  }

  /** The connection begun last. */
  get latest(): FakeFlow {
    const last = this.outgoing.at(-1);
    assert.ok(last !== undefined, "nothing was connected to");
    return last.flow;
  }

  /** Time passes, and what is due expires in its order. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = this.flows.filter(({ expiresAtMs }) => expiresAtMs <= untilMs);
      const [first] = due.sort((left, right) => left.expiresAtMs - right.expiresAtMs);
      if (first === undefined) break;
      this.nowMs = Math.max(this.nowMs, first.expiresAtMs);
      first.expiresAtMs = Infinity;
      first.owner.expired(first);
    }
    this.nowMs = untilMs;
  }
}
