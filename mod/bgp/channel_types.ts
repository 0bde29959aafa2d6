/** Between one connection and the session it belongs to. Types only. */

import type { ReceivedUpdate, RouteRefreshMessage } from "../net/bgp/types.ts";
import type { OpenMessage, UpdateTraits } from "../net/bgp/types.ts";
import type { Channel } from "./channel.ts";
import type { Notice } from "./fsm_types.ts";
import type { Malformed } from "./malformed_log.ts";
import type { EndKind } from "./retry_plan.ts";
import type { Connection } from "./transport.ts";
import type { Negotiated } from "./types.ts";

/** What the session says to an OPEN. */
export type Verdict =
  | { readonly is: "agreed"; readonly negotiated: Negotiated; readonly traits: UpdateTraits }
  | { readonly is: "refused"; readonly notice: Notice; readonly why: string }
  /** Another connection with this peer stays instead. */
  | { readonly is: "collision" };

/** How a connection, or an attempt, has ended. */
export interface ChannelEnd {
  readonly why: string;
  readonly kind: EndKind;
  /** What it had agreed on; null: it was not established. */
  readonly negotiated: Negotiated | null;
  /** Established for so long; 0: never. */
  readonly lifeMs: number;
  /** A NOTIFICATION was sent or received: the peer keeps no routes (RFC 4724 §4, RFC 4271 §6). */
  readonly byNotification: boolean;
  /** Ended by this side because it was not needed any more: nothing to tell anybody. */
  readonly isQuiet: boolean;
}

/** The session, as its connections see it. */
export interface ChannelOwner {
  /** Begins TCP for this channel ({@link Channel.attach}), or ends the attempt by {@link Channel.noAddress}. */
  connect(channel: Channel): void;
  /** An attempt to connect has had no answer in its time; the next one follows. */
  noAnswer(channel: Channel): void;
  /** The OPEN to send, for the addresses of this connection. */
  open(channel: Channel): OpenMessage;
  judge(channel: Channel, open: OpenMessage): Verdict;
  established(channel: Channel, negotiated: Negotiated): void;
  received(channel: Channel, message: ReceivedUpdate | RouteRefreshMessage): void;
  /** An UPDATE had faults; those that a session survives are also of what {@link ChannelOwner.received} gets. */
  malformed(channel: Channel, update: Malformed): void;
  /** The state of a channel is another one. */
  changed(): void;
  ended(channel: Channel, end: ChannelEnd): void;
  /** The connection is not the channel's any more but may still have bytes to send. */
  closing(connection: Connection): void;
}
