/** A switch with routers, speakers and clients on it. */

import { Child } from "../lab/child.ts";
import { type Machine, Network } from "../lab/network.ts";
import { station } from "../lab/plan.ts";
import { Router } from "./router.ts";
import { SpeakerChild } from "./speaker_child.ts";
import type { SpokenConfig } from "./speaker_protocol.ts";
import type { RouterConfig, RouterKind } from "./types.ts";

/** A running laboratory of routers. Whoever made it disposes of it, which ends every process and every namespace of it. */
export class RouterLab {
  readonly network: Network;
  readonly directory: string;
  readonly #routers: Router[] = [];
  readonly #children: Child[] = [];
  readonly #speakers: SpeakerChild[] = [];
  #hosts = 0;

  private constructor(network: Network, directory: string) {
    this.network = network;
    this.directory = directory;
  }

  /** Makes a laboratory, uses it and disposes of it; a failure carries the routers' and processes' logs. */
  static async with(use: (lab: RouterLab) => Promise<void>): Promise<void> {
    const directory = await Deno.makeTempDir({ prefix: "kube-vip-routers-" });
    // Daemons that are not root have to get in.
    await Deno.chmod(directory, 0o755);
    const lab = new RouterLab(Network.create(), directory);
    try {
      await use(lab);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${lab.logs()}`, { cause: error });
    } finally {
      await lab.dispose();
    }
  }

  /** Connects a new machine; its addresses end in the number of those before it, plus one. */
  machine(name: string): Machine {
    this.#hosts += 1;
    return this.network.connect(station(name, this.#hosts));
  }

  /** Starts a router on a machine, or on a new one of its kind's name. */
  async router(kind: RouterKind, config: RouterConfig, machine: Machine = this.machine(kind)): Promise<Router> {
    const router = await Router.start(kind, machine, { directory: `${this.directory}/${machine.name}`, config });
    this.#routers.push(router);
    return router;
  }

  /** Starts our speaker on a machine, or on a new one. */
  async speaker(config: SpokenConfig, machine: Machine = this.machine("node")): Promise<SpeakerChild> {
    const speaker = await SpeakerChild.start(machine, config);
    this.#speakers.push(speaker);
    return speaker;
  }

  /** Starts a process on a machine; it ends with the laboratory at the latest. */
  run(machine: Machine, name: string, argv: readonly string[], onLine?: (line: string) => void): Child {
    const child = Child.start(argv, { name, inside: machine.inside, ...(onLine === undefined ? {} : { onLine }) });
    this.#children.push(child);
    return child;
  }

  /** Runs a program on a machine to its end; whether it succeeded and what it said. */
  async execute(
    machine: Machine,
    argv: readonly string[],
  ): Promise<{ readonly success: boolean; readonly said: string }> {
    const [program = "", ...args] = argv;
    const command = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" });
    const child = machine.inside(() => command.spawn());
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, said: `${decoder.decode(stdout)}${decoder.decode(stderr)}` };
  }

  /** What everybody logged last, for messages. */
  logs(): string {
    const routers = this.#routers.map((router) => [`--- ${router.machine.name}`, ...router.log.slice(-40)].join("\n"));
    const ours = this.#speakers.map(({ child }) => child);
    const children = [...ours, ...this.#children].map((child) =>
      [`--- ${child.name}`, ...child.log.slice(-40)].join("\n")
    );
    return [...routers, ...children].join("\n");
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    await Promise.all(this.#routers.splice(0).map((router) => router.kill()));
    await Promise.all(this.#speakers.splice(0).map((speaker) => speaker.kill()));
    await Promise.all(this.#children.splice(0).map((child) => child.stop("SIGKILL")));
    this.network.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}
