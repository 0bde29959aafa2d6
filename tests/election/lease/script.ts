import { LONG, SHORT } from "../../fakes/lease_cluster.ts";
import { OurPlayer, type Player, UpstreamPlayer } from "./players.ts";
import { Box, World } from "./world.ts";

/** A world in which everything takes one millisecond and chance says one half. */
class Stage {
  readonly world: World;
  readonly players = new Map<string, Player>();
  #printed = 0;

  constructor(times: string) {
    this.world = new World(() => 0.5, times === "15/10/2" ? LONG : SHORT);
    this.world.wellSinceMs = () => -Infinity;
  }

  add(id: string): void {
    const box = new Box(this.world, 1);
    this.players.set(
      id,
      id.startsWith("up") ? new UpstreamPlayer(this.world, box, id) : new OurPlayer(this.world, box, id),
    );
  }

  player(id: string): Player {
    const player = this.players.get(id);
    if (player === undefined) throw new Error(`no player ${id}`);
    return player;
  }

  /** What has happened since it was asked last. */
  news(): string[] {
    const { log, overlaps } = this.world;
    const lines = [...log.slice(this.#printed), ...overlaps.splice(0)];
    this.#printed = log.length;
    return lines;
  }

  show(): string {
    const { stored } = this.world.lease;
    if (stored === null) return "absent";
    const { holder, durationSeconds, transitions, mark } = stored.record;
    return `${holder === "" ? "nobody" : holder} for ${durationSeconds} s, transitions ${transitions}, mark ${
      mark ?? "-"
    }`;
  }
}

type Command = (stage: Stage, words: readonly string[]) => readonly string[] | void;

function each(act: (player: Player, stage: Stage) => void): Command {
  return (stage, ids) => {
    for (const id of ids) act(stage.player(id), stage);
  };
}

const COMMANDS: Readonly<Record<string, Command>> = {
  players: (stage, ids) => {
    for (const id of ids) stage.add(id);
  },
  start: each((player, stage) => {
    stage.world.noNewUntilMs = -Infinity;
    player.start();
  }),
  crash: each((player) => player.crash()),
  reboot: each((player) => player.reboot()),
  stop: each((player) => player.stop()),
  retire: each((player) => {
    if (player instanceof UpstreamPlayer) player.isRetired = true;
    player.stop();
  }),
  pause: each((player) => player.box.pause()),
  cut: each((player) => player.box.way.isCut = true),
  deaf: each((player) => player.box.way.watchIsBroken = true),
  unfit: each((player) => {
    if (player instanceof OurPlayer) player.condition = { fit: false, rival: () => true };
  }),
  heal: each((player, stage) => {
    Object.assign(player.box.way, { isCut: false, watchIsBroken: false });
    for (const arrive of player.box.way.held.splice(0)) stage.world.queue.after(1, arrive);
    player.box.resume();
    player.heal();
  }),
  delete: (stage) => stage.world.lease.delete(),
  blank: (stage) => stage.world.lease.edit({ holder: "" }),
  stranger: (stage) => stage.world.lease.edit({ holder: "x", mark: null, renewTime: stage.world.stamp() }),
  run: (stage, [ms]) => {
    stage.world.queue.runUntil(stage.world.now + Number(ms));
    return stage.news();
  },
  lease: (stage) => [stage.show()],
};

/**
 * Runs a script and gives it back with what happened: blocks of commands, then `----` and what they print. The first command is `times
 * 15/10/2` or `times 5/3/1`; players whose names begin with `up` are upstream's.
 */
export function runScript(text: string): string {
  let stage = new Stage("5/3/1");
  const blocks = text.trim().split(/\n{2,}/).map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const commands = end < 0 ? lines : lines.slice(0, end);
    const printed: string[] = [];
    for (const line of commands) {
      if (line.startsWith("#")) continue;
      const [name = "", ...words] = line.split(" ");
      if (name === "times") stage = new Stage(words[0] ?? "");
      else {
        const command = COMMANDS[name];
        if (command === undefined) throw new Error(`unknown command: ${line}`);
        printed.push(...command(stage, words) ?? []);
      }
    }
    return [...commands, ...(printed.length > 0 ? ["----", ...printed] : [])].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}
