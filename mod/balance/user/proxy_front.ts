/** Clients that are balancers themselves: what they say first (PROXY protocol) is taken off before anybody else sees the connection. */
import { decodeProxyHeader, MAX_PROXY_HEADER } from "../../net/proxy_protocol.ts";
import type { SocketFlow } from "./flow.ts";
import type { FlowOwner } from "./types.ts";

/** Whoever is a balancer says it at once; the protocol asks for 3 s at least. */
const HEADER_TIMEOUT_MS = 5000;

const peeked = new Uint8Array(MAX_PROXY_HEADER);

/** One connection until its header is complete. A client without one is reset: it must not be able to say who it is. */
export class ProxyFront implements FlowOwner {
  readonly #onAccepted: (flow: SocketFlow) => void;
  readonly #flow: SocketFlow;

  /** `onAccepted` takes the connection over as if it had been accepted now. */
  constructor(flow: SocketFlow, onAccepted: (flow: SocketFlow) => void) {
    this.#flow = flow;
    this.#onAccepted = onAccepted;
    flow.owner = this;
    flow.expireIn(HEADER_TIMEOUT_MS);
  }

  opened(): void {}

  readable(): void {
    const flow = this.#flow;
    // The bytes stay in the kernel until it is known how many of them are the header.
    const count = flow.peek(peeked);
    if (count === 0) return;
    if (count < 0) return flow.reset();
    const progress = decodeProxyHeader(peeked.subarray(0, count));
    if (progress.outcome === "malformed") return flow.reset();
    if (progress.outcome === "incomplete") return flow.hasEnding ? flow.reset() : undefined;
    flow.receive(peeked, progress.lengthBytes);
    flow.neverExpire();
    if (progress.ends !== null) flow.tell(progress.ends);
    this.#onAccepted(flow);
    if (!flow.isClosed && flow.owner !== this) {
      flow.hasInput = true;
      flow.owner.readable(flow);
    }
  }

  drained(): void {}

  failed(): void {}

  expired(): void {
    this.#flow.reset();
  }
}
