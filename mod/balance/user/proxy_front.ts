/** Clients that are balancers themselves: what they say first (PROXY protocol) is taken off before anybody else sees the connection. */
import { decodeProxyHeader, MAX_PROXY_HEADER } from "../../net/proxy_protocol.ts";
import type { SocketFlow } from "./flow.ts";
import type { FlowOwner } from "./types.ts";

/** Whoever is a balancer says it at once; the protocol asks for 3 s at least. */
const HEADER_TIMEOUT_MS = 5000;

const peeked = new Uint8Array(MAX_PROXY_HEADER);

/** Who is told of a {@link ProxyFront}. */
export interface ProxyFrontOptions {
  /** Takes the connection over as if it had been accepted now. */
  readonly onAccepted: (flow: SocketFlow) => void;
  /** It has nothing to do with the connection any more, whatever has become of that. Before the other one. */
  readonly onEnded: (front: ProxyFront) => void;
}

/** One connection until its header is complete. A client without one is reset: it must not be able to say who it is. */
export class ProxyFront implements FlowOwner {
  readonly #options: ProxyFrontOptions;
  readonly #flow: SocketFlow;

  constructor(flow: SocketFlow, options: ProxyFrontOptions) {
    this.#flow = flow;
    this.#options = options;
    flow.owner = this;
    flow.expireIn(HEADER_TIMEOUT_MS);
  }

  /** Ends the connection with a RST if it came to this address; null: whatever it came to. */
  cutIf(localIp: string | null): void {
    if (localIp === null || this.#flow.local.ip === localIp) this.#turnAway();
  }

  opened(): void {}

  readable(): void {
    const flow = this.#flow;
    // The bytes stay in the kernel until it is known how many of them are the header.
    const count = flow.peek(peeked);
    if (count === 0) return;
    if (count < 0) return this.#turnAway();
    const progress = decodeProxyHeader(peeked.subarray(0, count));
    if (progress.outcome === "malformed") return this.#turnAway();
    if (progress.outcome === "incomplete") return flow.hasEnding ? this.#turnAway() : undefined;
    flow.receive(peeked, progress.lengthBytes);
    flow.neverExpire();
    if (progress.ends !== null) flow.tell(progress.ends);
    this.#options.onEnded(this);
    this.#options.onAccepted(flow);
    if (!flow.isClosed && flow.owner !== this) {
      flow.hasInput = true;
      flow.owner.readable(flow);
    }
  }

  drained(): void {}

  failed(): void {
    this.#options.onEnded(this);
  }

  expired(): void {
    this.#turnAway();
  }

  #turnAway(): void {
    this.#flow.reset();
    this.#options.onEnded(this);
  }
}
