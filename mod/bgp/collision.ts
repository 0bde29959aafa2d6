/** Two connections with one peer (RFC 4271 §6.8, RFC 6286 §2.3, RFC 4724 §5). Pure. */

import { parseIp4 } from "../net/ip.ts";

/** Who has begun a connection. */
export type Initiator = "us" | "them";

/** Who the two speakers are. */
export interface Speakers {
  readonly localAs: number;
  readonly localId: string;
  readonly remoteAs: number;
  readonly remoteId: string;
}

/** Whose connection stays: that of the higher identifier, or of the higher AS number if they are equal. */
export function survivor(speakers: Speakers): Initiator {
  const difference = numberOf(speakers.localId) - numberOf(speakers.remoteId);
  const decisive = difference !== 0 ? difference : speakers.localAs - speakers.remoteAs;
  return decisive > 0 ? "us" : "them";
}

/** The other connection, at the moment an OPEN arrives on this one. */
export interface Rival {
  readonly state: "open-sent" | "open-confirm" | "established";
  /** It was established before this connection came up. */
  readonly isOlder: boolean;
  /** The peer has said that it can restart gracefully. */
  readonly restarts: boolean;
}

/** What becomes of this connection and of the other one. */
export type Collision =
  | "both-go-on"
  /** This one gets Cease/7. */
  | "this-loses"
  /** The other one gets Cease/7. */
  | "rival-loses"
  /** The other one is a remainder of before the peer restarted: it ends without a word. */
  | "rival-is-stale";

/** An OPEN has come on the connection begun by `initiator`, and there is another one. */
export function collide(initiator: Initiator, rival: Rival, { speakers }: { speakers: Speakers }): Collision {
  switch (rival.state) {
    case "established":
      // RFC 4724 §5: a peer that restarts connects while the old session still stands here.
      return rival.isOlder && rival.restarts && initiator === "them" ? "rival-is-stale" : "this-loses";
    case "open-confirm":
      return survivor(speakers) === initiator ? "rival-loses" : "this-loses";
    case "open-sent":
      // Decided when the other one gets its OPEN: only then is it certain that the peer keeps it.
      return "both-go-on";
  }
}

function numberOf(identifier: string): number {
  const ip = parseIp4(identifier);
  return ip === null ? 0 : [...ip.bytes].reduce((sum, byte) => sum * 256 + byte, 0);
}
