/** What another configuration means for the sessions that are there. Pure. */

import type { BgpConfig, BgpPeerConfig } from "./types.ts";

/** What becomes of the peers; by name. */
export interface PeerChanges {
  readonly removed: readonly string[];
  readonly added: readonly BgpPeerConfig[];
  /** Their sessions begin again. */
  readonly restarted: readonly BgpPeerConfig[];
  /** Only what is told over the session is another. */
  readonly retold: readonly BgpPeerConfig[];
}

/** Compares two configurations. All sessions begin again when this side says something else of itself in its OPEN. */
export function peerChanges(before: BgpConfig, after: BgpConfig): PeerChanges {
  const old = new Map(before.peers.map((peer) => [peer.name, peer]));
  const names = new Set(after.peers.map((peer) => peer.name));
  const isOther = before.as !== after.as || before.routerId !== after.routerId ||
    before.gracefulRestartMs !== after.gracefulRestartMs;
  const both = after.peers.flatMap((peer) => {
    const was = old.get(peer.name);
    return was === undefined ? [] : [{ peer, change: isOther ? "session" : changeOf(was, peer) }];
  });
  return {
    removed: [...old.keys()].filter((name) => !names.has(name)),
    added: after.peers.filter((peer) => !old.has(peer.name)),
    restarted: both.filter(({ change }) => change === "session").map(({ peer }) => peer),
    retold: both.filter(({ change }) => change === "routes").map(({ peer }) => peer),
  };
}

function changeOf(was: BgpPeerConfig, is: BgpPeerConfig): "none" | "routes" | "session" {
  if (text({ ...was, policy: is.policy, nextHop: is.nextHop }) !== text(is)) return "session";
  return text(was) === text(is) ? "none" : "routes";
}

/** Equal for equal settings, whatever the order of their keys and families. */
function text(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Set) return [...part].sort();
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
