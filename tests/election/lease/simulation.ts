import type { LeaseTimes } from "../../../mod/election/lease/times.ts";
import { LONG, SHORT } from "../../fakes/lease_cluster.ts";
import { seededRandom } from "../../fakes/random.ts";
import { OurPlayer, type Player, UpstreamPlayer } from "./players.ts";
import { Box, World } from "./world.ts";

/** What a run has shown. */
export interface Outcome {
  readonly overlaps: readonly string[];
  /** What is wrong at the end, when everything works again; null: somebody holds, and nobody else. */
  readonly ending: string | null;
  readonly log: readonly string[];
  /** How often a hold began. */
  readonly takes: number;
}

const TIMES: readonly LeaseTimes[] = [SHORT, SHORT, LONG, { durationMs: 4000, renewDeadlineMs: 3900, retryMs: 1000 }];

/** Watch events come so much late at most, also for so long after the way is well again. */
const LAG_MS = 3000;

/** One random run: faults for a while, then none. */
export class Simulation {
  readonly #world: World;
  readonly #players: Player[] = [];
  readonly #ours: OurPlayer[] = [];
  readonly #everyMs: number;
  readonly #slow: boolean;
  readonly #endMs: number;
  readonly #wellSince = new Map<string, number>();

  constructor(seed: number) {
    const random = seededRandom(seed);
    const mixed = random() < 0.5;
    // Upstream's times have to leave room for what it does not guard against: clock rates, and the way back of an answer.
    const times = TIMES[Math.floor(random() * (mixed ? 3 : TIMES.length))] ?? SHORT;
    this.#world = new World(random, times);
    this.#world.wellSinceMs = (who) => this.#wellSince.get(who) ?? Infinity;
    this.#everyMs = times.durationMs * (0.4 + 2 * random());
    this.#slow = random() < 0.3;
    this.#endMs = times.durationMs * 14;
    const rate = random() < 0.5 ? 0.0099 : 0.003;
    const ours = mixed ? 1 + Math.floor(random() * 3) : 2 + Math.floor(random() * 3);
    for (let at = 0; at < ours; at++) {
      const player = new OurPlayer(this.#world, new Box(this.#world, 1 + rate * (2 * random() - 1)), `n${at}`);
      this.#ours.push(player);
      this.#players.push(player);
    }
    const upstream = mixed ? 1 + Math.floor(random() * 2) : 0;
    for (let at = 0; at < upstream; at++) {
      const box = new Box(this.#world, 1 + rate * (2 * random() - 1));
      this.#players.push(new UpstreamPlayer(this.#world, box, `up${at}`));
    }
  }

  run(): Outcome {
    const { queue, times } = this.#world;
    for (const player of this.#players) {
      queue.after(this.#world.random() * 3000, () => this.#restore(player));
    }
    this.#scheduleFault();
    queue.runUntil(this.#endMs);
    for (const player of this.#players) this.#restore(player);
    this.#world.note("all is well from now on");
    queue.runUntil(this.#endMs + 3.5 * times.durationMs);
    for (const player of this.#players) player.start();
    queue.runUntil(this.#endMs + 7 * times.durationMs);
    const { overlaps, log } = this.#world;
    const takes = log.filter((line) => line.endsWith(" holds")).length;
    return { overlaps, log, takes, ending: this.#ending() };
  }

  #ending(): string | null {
    const { queue, times } = this.#world;
    const [holder, ...others] = this.#world.holders();
    if (holder === undefined) return "nobody holds";
    if (others.length > 0) return `${holder} and ${others} hold`;
    queue.runUntil(queue.now + 2 * times.durationMs);
    const after = this.#world.holders();
    return after.length === 1 && after[0] === holder ? null : `${holder} has lost it to ${after}`;
  }

  #restore(player: Player): void {
    const { way } = player.box;
    const { random } = this.#world;
    Object.assign(way, { lost: 0, isCut: false, watchIsBroken: false, watchLagMs: 0 });
    for (const arrive of way.held.splice(0)) this.#world.queue.after(random() * 200, arrive);
    if (!this.#wellSince.has(player.id)) this.#wellSince.set(player.id, this.#world.now + LAG_MS + 200);
    way.delayMs = () => 0.5 + 4 * random();
    player.box.resume();
    player.heal();
    if (player instanceof OurPlayer) player.condition = { fit: true, rival: () => true };
    player.start();
  }

  #scheduleFault(): void {
    const { queue, random } = this.#world;
    queue.after(this.#everyMs * random() * 2, () => {
      if (queue.now > this.#endMs) return;
      this.#fault();
      this.#scheduleFault();
    });
  }

  #fault(): void {
    const { random } = this.#world;
    if (this.#world.chance(0.12)) return this.#meddle();
    const player = this.#aim();
    if (player === undefined) return;
    const faults = player instanceof OurPlayer ? OUR_FAULTS : FAULTS;
    const name = faults[Math.floor(random() * faults.length)] ?? "cut";
    this.#world.note(`${name} ${player.id}`);
    this.#wellSince.delete(player.id);
    this.#strike(player, name);
  }

  /** Half the faults strike whoever holds. */
  #aim(): Player | undefined {
    const { random } = this.#world;
    const [holder] = this.#world.holders();
    const found = this.#world.chance(0.5) ? this.#players.find((each) => each.id === holder) : undefined;
    return found ?? this.#players[Math.floor(random() * this.#players.length)];
  }

  #strike(player: Player, name: Fault): void {
    const { way } = player.box;
    switch (name) {
      case "cut":
        way.isCut = true;
        return this.#soon(player, 1.5);
      case "lossy":
        way.lost = 0.5;
        return this.#soon(player, 2);
      case "deaf":
        way.watchIsBroken = true;
        return this.#soon(player, 2);
      case "lag":
        way.watchLagMs = LAG_MS * this.#world.random();
        return this.#soon(player, 2);
      case "slow":
        way.delayMs = () => this.#world.random() * (this.#slow ? this.#world.times.renewDeadlineMs * 0.7 : 800);
        return this.#soon(player, 2);
      case "pause":
        player.box.pause();
        return this.#soon(player, 2);
      case "unfit":
        if (player instanceof OurPlayer) {
          const rival = this.#world.chance(0.7);
          player.condition = { fit: false, rival: () => rival };
        }
        return this.#soon(player, 2);
      case "crash":
        player.crash();
        return this.#soon(player, 0.6);
      case "reboot":
        player.reboot();
        return this.#soon(player, 1.5);
      case "stop":
        player.stop();
        return this.#soon(player, 0.6);
    }
  }

  #soon(player: Player, durations: number): void {
    const { queue, times, random } = this.#world;
    queue.after(random() * durations * times.durationMs, () => this.#restore(player));
  }

  #meddle(): void {
    const { lease, random } = this.#world;
    // A process that has never seen the Lease would find it free: that is said in the code, and left out here.
    if (lease.stored === null || this.#ours.some((each) => each.core?.isKnown === false)) return;
    const [holder] = this.#world.holders();
    const held = this.#players.find((each) => each.id === holder);
    if (held !== undefined && this.#world.chance(0.4)) {
      this.#world.note(`cut ${held.id}`);
      this.#wellSince.delete(held.id);
      this.#strike(held, "cut");
    }
    const kind = Math.floor(random() * 4);
    this.#world.meddled(["deleted", "blanked", "held by a stranger", "moved by hand"][kind] ?? "");
    if (kind === 0) lease.delete();
    else if (kind === 1) lease.edit({ holder: "" });
    else if (kind === 2) lease.edit({ holder: "stranger", mark: null, renewTime: this.#world.stamp() });
    else lease.edit({ holder: this.#players[Math.floor(random() * this.#players.length)]?.id ?? "" });
  }
}

/** Upstream looks neither at its clock after a pause, nor bounds what a slow answer lets it believe: these are ours alone. */
type Fault = (typeof OUR_FAULTS)[number];
const FAULTS = ["cut", "crash", "reboot", "stop"] as const;
const OUR_FAULTS = [...FAULTS, "lossy", "deaf", "lag", "slow", "pause", "unfit"] as const;
