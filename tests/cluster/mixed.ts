/** A control plane in which some nodes run the product and the others the stand-in for upstream, with one and the same environment. */

import { join } from "node:path";
import { assert } from "../../mod/base/assert.ts";
import { machinesAtOnce, outageMs } from "../lab/analysis.ts";
import { type Daemon, type Launch, type Place, productCommand } from "../lab/daemon.ts";
import type { PerFamily } from "../lab/faults.ts";
import { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { FAMILIES, type Family } from "../lab/records.ts";
import { sharedNow, sleep } from "../lab/time.ts";
import type { ProgramPaths } from "../kubernetes/build.ts";
import { ApiServerCluster } from "../kubernetes/cluster.ts";
import { nodeUser } from "../kubernetes/users.ts";
import { LeaseLog, wrongs } from "./lease_log.ts";
import { type LeaseSeconds, ManagerProgram, type World } from "./program.ts";

/** What a node runs. */
export type Role = "ours" | "theirs";

/** Starts what the node's role says at that moment. */
class MixedProgram implements Daemon {
  readonly name = "kube-vip manager, ours or theirs";
  readonly leavesAddresses = false;
  readonly roles = new Map<string, Role>();
  readonly #manager: ManagerProgram;
  readonly #commands: Readonly<Record<Role, readonly string[]>>;

  constructor(commands: Readonly<Record<Role, readonly string[]>>, times: LeaseSeconds) {
    this.#commands = commands;
    this.#manager = new ManagerProgram(commands.ours, { times, election: "kubernetes" });
  }

  prepare(place: Place): Launch {
    const { env } = this.#manager.prepare(place);
    return { argv: ["sh", scriptPath(place)], env };
  }

  isReady(place: Place): Promise<boolean> {
    return this.roles.get(place.local.name) === "ours" ? this.#manager.isReady(place) : Promise.resolve(true);
  }

  /** Takes effect at the node's next start. */
  give({ place }: LabNode, role: Role): void {
    this.roles.set(place.local.name, role);
    const words = this.#commands[role].map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(scriptPath(place), `exec ${words} manager\n`);
  }
}

function scriptPath({ directory }: Place): string {
  return join(directory, "run.sh");
}

/** What one step showed. */
export interface Seen {
  readonly title: string;
  readonly outageMs: PerFamily;
  readonly maxAnswering: PerFamily;
  /** For how long more than one node answered, as the pairs of them. */
  readonly overlaps: readonly string[];
  readonly before: string;
  readonly after: string;
  /** What ours did that the Lease did not allow. */
  readonly wrongs: readonly string[];
}

const SETTLE_MS = 60_000;
const WATCH_MS = 1000;
const STEADY_MS = 300;
const READ_MS = 500;

/** Nodes, API servers, and who runs what. */
export class MixedWorld {
  readonly world: World;
  readonly times: LeaseSeconds;
  readonly #program: MixedProgram;
  readonly #log: LeaseLog;

  private constructor(world: World, parts: { program: MixedProgram; log: LeaseLog; times: LeaseSeconds }) {
    this.world = world;
    this.#program = parts.program;
    this.#log = parts.log;
    this.times = parts.times;
  }

  /** Makes three nodes with an API server each, uses them and disposes of them. Nothing runs on them yet. */
  static async with(
    paths: ProgramPaths & { readonly standIn: string },
    times: LeaseSeconds,
    use: (mixed: MixedWorld) => Promise<void>,
  ): Promise<void> {
    const program = new MixedProgram({ ours: await productCommand(), theirs: [paths.standIn] }, times);
    await Lab.with({ daemon: program }, async (lab) => {
      const machines = lab.nodes.map((node) => node.machine);
      await ApiServerCluster.with({ paths, machines }, async (cluster) => {
        for (const { machine, place } of lab.nodes) {
          const text = cluster.of(machine).kubeconfig(nodeUser(machine));
          Deno.writeTextFileSync(join(place.directory, "admin.conf"), text, { mode: 0o600 });
        }
        const log = new LeaseLog(cluster);
        try {
          await use(new MixedWorld({ lab, cluster }, { program, log, times }));
        } finally {
          await log.close();
        }
      });
    });
  }

  get nodes(): readonly LabNode[] {
    return this.world.lab.nodes;
  }

  role(node: LabNode): Role {
    const role = this.#program.roles.get(node.name);
    assert(role !== undefined, `${node.name} has a role`);
    return role;
  }

  /** Gives the first nodes the first roles, and starts all of them. */
  async start(roles: readonly Role[]): Promise<void> {
    this.nodes.forEach((node, index) => this.#program.give(node, roles[index] ?? "theirs"));
    await this.world.lab.startAll();
  }

  /** SIGTERM, and another program in its place. */
  async replace(node: LabNode, role: Role): Promise<void> {
    await node.terminate();
    this.#program.give(node, role);
    node.start();
  }

  /** Makes `node` the holder: the others are away meanwhile. */
  async prefer(node: LabNode): Promise<void> {
    const { lab } = this.world;
    if (await lab.settled(SETTLE_MS) === node) return;
    const others = lab.others(node);
    await Promise.all(others.map((other) => other.terminate()));
    const { samples, pings } = lab.probes;
    const alone = (): true | null => lab.holder() === node && pings.isSteady(STEADY_MS) ? true : null;
    await samples.changes.until(alone, SETTLE_MS, `service from ${node.name}`);
    for (const other of others) other.start();
    await sleep(2 * this.times.retryPeriod * 1000);
  }

  /** SIGKILL. An address that nobody takes from the node then, as upstream leaves it, goes by hand. */
  async kill(node: LabNode): Promise<void> {
    await node.kill();
    if (this.role(node) === "theirs") node.forgetAddresses();
  }

  /** Resolves when another node than `holder` answers, whoever else does. */
  async moved(holder: LabNode): Promise<void> {
    const { samples, pings } = this.world.lab.probes;
    const another = (family: Family): boolean =>
      [...samples.answering(family)].some((mac) => mac !== holder.machine.mac);
    const look = (): true | null => FAMILIES.every(another) && pings.isSteady(100) ? true : null;
    await samples.changes.until(look, SETTLE_MS, "service from another node");
    await sleep(WATCH_MS);
  }

  /** Does something to a cluster that is well, waits until it is well again, and says what was seen. */
  async see(title: string, step: (holder: LabNode) => Promise<void>): Promise<Seen> {
    const { lab } = this.world;
    const before = await lab.settled(SETTLE_MS);
    lab.probes.clear();
    await sleep(WATCH_MS);
    const roles = new Map(this.#program.roles);
    const fromMs = sharedNow() - WATCH_MS / 2;
    await step(before);
    const after = await lab.settled(SETTLE_MS);
    await sleep(WATCH_MS);
    const span = { fromMs, untilMs: sharedNow() };
    // What the probes wrote until then has to be read first.
    await sleep(READ_MS);
    const perFamily = (of: (family: Family) => number): PerFamily => ({ 4: of(4), 6: of(6) });
    const { pings, samples } = lab.probes;
    const isOurs = (name: string): boolean => roles.get(name) === "ours" || this.#program.roles.get(name) === "ours";
    const moments = this.#log.moments().filter(({ atMs }) => atMs <= span.untilMs);
    const recent = moments.slice(Math.max(0, moments.findLastIndex(({ atMs }) => atMs <= fromMs)));
    return {
      title,
      outageMs: perFamily((family) => Math.round(outageMs(pings.pings(family), span))),
      maxAnswering: perFamily((family) => machinesAtOnce(samples.inquiries(family), span)),
      overlaps: FAMILIES.flatMap((family) => this.#overlaps(family)),
      before: `${before.name} (${roles.get(before.name)})`,
      after: `${after.name} (${this.role(after)})`,
      wrongs: wrongs(recent, this.#answers(), isOurs),
    };
  }

  #answers(): { node: string; atMs: number }[] {
    const { samples } = this.world.lab.probes;
    const inquiries = FAMILIES.flatMap((family) => samples.inquiries(family));
    return inquiries.flatMap(({ answers }) => answers).map(({ mac, atMs }) => ({ node: this.#nameOf(mac), atMs }))
      .sort((a, b) => a.atMs - b.atMs);
  }

  #overlaps(family: Family): string[] {
    const both = new Map<string, { fromMs: number; untilMs: number }>();
    for (const { answers } of this.world.lab.probes.samples.inquiries(family)) {
      const names = [...new Set(answers.map(({ mac }) => this.#nameOf(mac)))].sort();
      if (names.length < 2) continue;
      const [first, last] = [answers[0]?.atMs ?? 0, answers.at(-1)?.atMs ?? 0];
      const key = names.join("+");
      both.set(key, { fromMs: both.get(key)?.fromMs ?? first, untilMs: last });
    }
    return [...both].map(([key, { fromMs, untilMs }]) => `IPv${family} ${key} ${Math.round(untilMs - fromMs)} ms`);
  }

  #nameOf(mac: string): string {
    return this.nodes.find(({ machine }) => machine.mac === mac)?.name ?? mac;
  }
}
