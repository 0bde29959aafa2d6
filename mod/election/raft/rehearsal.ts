/**
 * A whole life of three members in memory: election, beats, hand-over. The functions that a fail-over needs are otherwise run for the
 * first time when it matters, and V8 reads and compiles each of them then. Pure, and without effect but on the speed of what follows.
 */
import { RaftCore } from "./core.ts";
import type { MemberId, Ready, Timing } from "./types.ts";
import { decodeMessage, encodeMessage } from "./wire.ts";

const MEMBERS: readonly MemberId[] = ["a", "b", "c"];
const TIMING: Timing = { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 };
const ADDRESS = "192.0.2.1";
/** Beats of each leadership. */
const BEATS = 8;
/** Far more turns than it takes. */
const MOST_TURNS = 500;

interface Player {
  readonly id: MemberId;
  readonly core: RaftCore;
}

/** Plays it through; gives who led first and second. */
export function rehearse(): { readonly first: MemberId | null; readonly second: MemberId | null } {
  const players = MEMBERS.map((id, index): Player => {
    const random = (): number => (index + 1) / (MEMBERS.length + 1);
    const stored = { hard: { term: 1, vote: null, joining: false }, snapshot: null, entries: [] };
    return { id, core: new RaftCore({ id, voters: MEMBERS, timing: TIMING, stored, now: 0, random }) };
  });
  let now = 0;
  let beats = 0;
  let first: Player | null = null;
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    now = Math.max(now, Math.min(...players.map(({ core }) => core.nextDeadline())));
    for (const { core } of players) core.tick(now);
    settle(players, now);
    const leader = players.find(({ core }) => core.leaseUntil(now) > now && !core.handingOver) ?? null;
    if (leader === null) continue;
    leader.core.assign(now, new Map([[ADDRESS, leader.id]]));
    if (++beats === BEATS) {
      first = leader;
      leader.core.transfer(now, null);
      settle(players, now);
    }
    if (beats >= 2 * BEATS && leader !== first) return { first: first?.id ?? null, second: leader.id };
  }
  return { first: first?.id ?? null, second: null };
}

/** Delivers messages, as bytes, and makes state durable until nobody has anything left to do. */
function settle(players: readonly Player[], now: number): void {
  for (let busy = true; busy;) {
    busy = false;
    for (const player of players) {
      player.core.grants(now);
      while (player.core.hasReady()) {
        busy = true;
        carryOut(player, player.core.ready(now), { players, now });
      }
    }
  }
}

function carryOut(
  player: Player,
  ready: Ready,
  around: { readonly players: readonly Player[]; readonly now: number },
): void {
  const { players, now } = around;
  if (ready.batch !== null) player.core.persisted(now, ready.batch.seq);
  for (const { to, message } of ready.send) {
    players.find(({ id }) => id === to)?.core.step(now, player.id, decodeMessage(encodeMessage(message)));
  }
}
