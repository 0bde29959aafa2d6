/** The program that runs on the nodes: ours, or another of the same purpose beside it. */

import { askAgent } from "../../mod/cli/control_client.ts";
import { parseClusterStatus } from "../../mod/cli/status_schema.ts";
import { hostArch, newestMs, PROGRAM_VARIABLE } from "../runner/program.ts";
import { type ClusterOptions, nodeConfig, type Station } from "./plan.ts";

/** What a node needs to run it. */
export interface Launch {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a node is made of before it starts. */
export interface Place {
  readonly local: Station;
  readonly nodes: readonly Station[];
  /** A directory of the node's own; whatever is kept over a restart is kept there. */
  readonly directory: string;
}

/** A program that keeps addresses alive together with its like on other nodes. */
export interface Daemon {
  readonly name: string;
  /** Whether addresses stay on a node where it was killed, until somebody removes them. */
  readonly leavesAddresses: boolean;
  /** Writes its files; what it gives starts it, as often as wanted. */
  prepare(place: Place): Launch;
  /** Whether the instance in `place`, which runs, takes part in the cluster. */
  isReady(place: Place): Promise<boolean>;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** How the product is started here: compiled if there is a program newer than every source, else by the runtime that runs this. */
export async function productCommand(): Promise<readonly string[]> {
  const named = Deno.env.get(PROGRAM_VARIABLE);
  if (named !== undefined && named !== "") return [named];
  const compiled = `${ROOT}dist/kube-vip-linux-${hostArch()}`;
  const builtMs = await modifiedMs(compiled);
  if (builtMs > await newestMs(ROOT, ["main.ts", "deno.json", "deno.lock", "mod", "deploy"])) return [compiled];
  return [Deno.execPath(), "run", "-A", `${ROOT}main.ts`];
}

async function modifiedMs(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** The product itself. */
export class Product implements Daemon {
  readonly name = "kube-vip";
  readonly leavesAddresses = false;
  readonly command: readonly string[];
  readonly #options: ClusterOptions;

  constructor(command: readonly string[], options: ClusterOptions) {
    this.command = command;
    this.#options = options;
  }

  prepare({ local, nodes, directory }: Place): Launch {
    const path = `${directory}/config.yaml`;
    const stateDir = stateDirectory(directory);
    Deno.writeTextFileSync(path, nodeConfig(local, nodes, { ...this.#options, stateDir }), { mode: 0o600 });
    return { argv: [...this.command, "start", "-c", path], env: {} };
  }

  isReady(place: Place): Promise<boolean> {
    return takesPart(place);
  }
}

/** Whether the instance of the product in `place` says that it knows who leads. Throws when its status cannot be read. */
export async function takesPart({ local, directory }: Place): Promise<boolean> {
  const answer = await askAgent(stateDirectory(directory), { method: "GET", path: "/status" });
  if (answer.outcome !== "answered") return false;
  const parsed = parseClusterStatus(answer.value);
  if (parsed.outcome === "invalid") throw new Error(`${local.name} gave a status that cannot be read: ${parsed.why}`);
  const own = parsed.status.nodes.find((one) => one.outcome === "answered" && one.node.id === local.name);
  return own?.outcome === "answered" && own.node.leader !== null;
}

/** Where the instance in `directory` keeps its state and its control socket. */
export function stateDirectory(directory: string): string {
  return `${directory}/state`;
}
