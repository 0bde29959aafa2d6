/** Which member is to hold which address. Pure and deterministic: the same input gives the same placement on every member. */
import { assertNever } from "../base/assert.ts";
import type { MemberId } from "./raft/types.ts";

/** `leader`: every address on the leader; `spread`: evenly over the live members. */
export type PlacementPolicy = "leader" | "spread";

/** What a placement follows from. */
export interface PlacementInput {
  readonly policy: PlacementPolicy;
  /** In the order of the configuration, each once. */
  readonly addresses: readonly string[];
  readonly leader: MemberId;
  /** Members that are there now; the leader is always one of them. */
  readonly live: readonly MemberId[];
  /** Members that could not put an address to use: they get none while any other lives. */
  readonly unfit?: ReadonlySet<MemberId>;
  /** The placement so far. An address stays where it is unless its member is gone or has more than its share. */
  readonly current: ReadonlyMap<string, MemberId>;
}

/** The member for each address. */
export function place(input: PlacementInput): Map<string, MemberId> {
  switch (input.policy) {
    case "leader":
      return new Map(input.addresses.map((ip) => [ip, input.leader]));
    case "spread":
      return spread(input);
    default:
      return assertNever(input.policy);
  }
}

function spread(input: PlacementInput): Map<string, MemberId> {
  const { addresses, leader, current } = input;
  const members = eligible(input);
  const held = new Map(members.map((id) => [id, addresses.filter((ip) => current.get(ip) === id)]));
  const quota = quotas(addresses.length, held);
  const placed = new Map<string, MemberId>();
  const load = new Map<MemberId, number>();
  for (const [id, ips] of held) {
    const kept = ips.slice(0, quota.get(id) ?? 0);
    for (const ip of kept) placed.set(ip, id);
    load.set(id, kept.length);
  }
  for (const ip of addresses) {
    if (placed.has(ip)) continue;
    const id = emptiest(members, load, { quota });
    placed.set(ip, id);
    load.set(id, (load.get(id) ?? 0) + 1);
  }
  return new Map(addresses.map((ip) => [ip, placed.get(ip) ?? leader]));
}

/** The fit members; if there is none nothing is won by moving, so those that hold something. */
function eligible({ leader, live, unfit, current }: PlacementInput): MemberId[] {
  const members = [...new Set([leader, ...live])].sort();
  const fit = members.filter((id) => unfit?.has(id) !== true);
  if (fit.length > 0) return fit;
  const holding = new Set(current.values());
  const held = members.filter((id) => holding.has(id));
  return held.length > 0 ? held : members;
}

/** Shares that differ by at most one; the larger ones go to those that already hold most, so that few addresses move. */
function quotas(count: number, held: ReadonlyMap<MemberId, readonly string[]>): Map<MemberId, number> {
  const least = Math.floor(count / held.size);
  const larger = count % held.size;
  const byLoad = [...held].sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || (a < b ? -1 : 1));
  return new Map(byLoad.map(([id], rank) => [id, rank < larger ? least + 1 : least]));
}

function emptiest(
  members: readonly MemberId[],
  load: ReadonlyMap<MemberId, number>,
  { quota }: { quota: ReadonlyMap<MemberId, number> },
): MemberId {
  let best = members[0] ?? "";
  let mostRoom = -Infinity;
  for (const id of members) {
    const room = (quota.get(id) ?? 0) - (load.get(id) ?? 0);
    if (room > mostRoom) [best, mostRoom] = [id, room];
  }
  return best;
}
