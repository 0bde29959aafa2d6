/** What a connection that does nothing costs in the memory of the proxy's process. */

import { sleep } from "../../lab/time.ts";
import { number, print, table } from "../report.ts";
import { describeGoal, type Goal, verdict } from "./figures.ts";
import type { BenchOptions } from "./options.ts";
import { kibibyteField } from "./parse.ts";
import { type Contestant, mostConnections, ours, startContestants, World } from "./world.ts";

const CLIENT = new URL("memory_client.ts", import.meta.url).pathname;
const KINDS = ["tcp", "http"] as const;
/** Before memory is read: what opening took for the moment has been given back. */
const SETTLE_MS = 3000;
const OPEN_MS = 120_000;
/** 25 kB of user-space memory, issue 6. */
const GOAL: Goal = { atMost: 25 };

interface Memory {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
}

/** Measures and prints. Every kind begins with new processes. */
export async function benchMemory(options: BenchOptions): Promise<void> {
  const count = Math.min(options.connections, mostConnections());
  const rows = [[
    "through",
    "contestant",
    "before, MiB",
    "after, MiB",
    "RSS, kB each",
    "PSS, kB each",
    "still open",
    "goal",
    "",
  ]];
  const notes: string[] = [];
  for (const kind of KINDS) {
    await World.with(async (world) => {
      const entries = [{ kind: "HAProxy" } as const, ...ours(options.engines, options.programs)];
      for (const contestant of await startContestants(world, entries)) {
        if (contestant.ports[kind] !== null) rows.push(await measure(world, contestant, { kind, count }));
      }
      notes.push(...world.notes);
    });
  }
  print(table(rows));
  print();
  print(
    `${count} connections through each, idle; http: after one request each. kB are 1000 bytes. What sockets take in the`,
  );
  print("kernel is not in it.");
  if (count < options.connections) print(`${options.connections} would be more descriptors than this machine allows.`);
  for (const note of new Set(notes)) print(`- ${note}`);
}

async function measure(
  world: World,
  contestant: Contestant,
  { kind, count }: { kind: "tcp" | "http"; count: number },
): Promise<string[]> {
  const { name, host, ports, child } = contestant;
  const pid = child?.pid ?? 0;
  await sleep(SETTLE_MS);
  const before = memoryOf(pid);
  const argv = [Deno.execPath(), "run", "-A", "--no-lock", CLIENT, host, String(ports[kind]), String(count), kind];
  const client = world.start(world.client, "idle client", argv);
  try {
    await client.waitForLine("open ", { limitMs: OPEN_MS });
  } catch (error) {
    await client.stop("SIGKILL");
    const why = error instanceof Error ? error.message.replaceAll("\n", " ").slice(0, 300) : String(error);
    world.notes.push(`${name}, ${kind}: ${why}`);
    return [kind, name, "", "", "", "", "", "", "not measured"];
  }
  await sleep(SETTLE_MS);
  const after = memoryOf(pid);
  await client.write("\n");
  await client.end(OPEN_MS);
  const still = client.log.find((line) => line.startsWith("still "))?.slice("still ".length) ?? "";
  const each = (key: keyof Memory): number => (after[key] - before[key]) / count / 1000;
  const goal = contestant.entry.kind === "ours" ? GOAL : null;
  return [
    kind,
    name,
    number(before.residentBytes / 2 ** 20, 1),
    number(after.residentBytes / 2 ** 20, 1),
    number(each("residentBytes"), 1),
    number(each("proportionalBytes"), 1),
    still,
    describeGoal(goal),
    verdict(each("residentBytes"), goal),
  ];
}

function memoryOf(pid: number): Memory {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return { residentBytes: kibibyteField(text, "Rss"), proportionalBytes: kibibyteField(text, "Pss") };
}
