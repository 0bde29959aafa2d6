/** What the product costs while nothing happens: time to start, memory, processor. */

import { productCommand } from "../lab/daemon.ts";
import { median } from "../lab/analysis.ts";
import { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { sleep } from "../lab/time.ts";
import { number, option, print, table } from "./report.ts";

const SECONDS = 20;
const STARTS = 10;
/** Memory is read after this: the runtime gives back what starting took. */
const SETTLE_MS = 5000;
/** Clock ticks of /proc/PID/stat in a second: USER_HZ, 100 on every machine Linux runs on here. */
const TICKS = 100;

interface Cost {
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  readonly cpuPercent: number;
}

/** Measures and prints. */
export async function benchFootprint(args: readonly string[]): Promise<void> {
  const seconds = Number(option(args, "seconds") ?? SECONDS);
  const command = await productCommand();
  print(`Program: ${command.join(" ")}`);
  print();
  print(`\`version\`: ${number(await startMs([...command, "version"]))} ms (median of ${STARTS})`);
  await Lab.with({ backends: 2 }, async (lab) => {
    const readyMs = await timeToReady(lab);
    print(
      `\`start\` until the control socket answers and a leader is known, first node of three started together: ${
        number(readyMs)
      } ms`,
    );
    print();
    await lab.startAll();
    await lab.probes.stop();
    await sleep(SETTLE_MS);
    const holder = holderOf(lab);
    const costs = await Promise.all(lab.nodes.map((node) => cost(node, seconds)));
    const rows = lab.nodes.map((node, index) =>
      describe(node === holder ? "leader, holds both addresses" : "follower", costs[index])
    );
    print(table([["node", "resident MiB", "anonymous MiB", `CPU % over ${seconds} s`], ...rows.sort()]));
    print();
    print(
      "Goals: resident ≤ 64, anonymous ≤ 22, CPU ≤ 1 % of one processor at default timing. Two balancers bound to the",
    );
    print("addresses and one that is not, two backends each, health checks as configured by default; no traffic.");
  });
}

async function startMs(argv: readonly string[]): Promise<number> {
  const [program = "", ...args] = argv;
  const times: number[] = [];
  for (let run = 0; run < STARTS; run++) {
    const beganMs = performance.now();
    const { success } = await new Deno.Command(program, { args, stdout: "null", stderr: "inherit" }).output();
    if (!success) throw new Error(`${argv.join(" ")} failed`);
    times.push(performance.now() - beganMs);
  }
  return median(times);
}

async function timeToReady(lab: Lab): Promise<number> {
  const beganMs = performance.now();
  for (const node of lab.nodes) node.start();
  await Promise.any(lab.nodes.map((node) => node.ready(30_000)));
  return performance.now() - beganMs;
}

/** The node that has more addresses than its own two. */
function holderOf(lab: Lab): LabNode | null {
  return lab.nodes.find((node) => node.machine.addresses().length > 2) ?? null;
}

async function cost(node: LabNode, seconds: number): Promise<Cost> {
  const { pid } = node.child;
  const beforeTicks = cpuTicks(pid);
  await sleep(seconds * 1000);
  const ticks = cpuTicks(pid) - beforeTicks;
  const memory = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return {
    residentMiB: kibibytes(memory, "Rss") / 1024,
    anonymousMiB: kibibytes(memory, "Anonymous") / 1024,
    cpuPercent: ticks / TICKS / seconds * 100,
  };
}

function cpuTicks(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function kibibytes(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? NaN);
}

function describe(who: string, cost: Cost | undefined): string[] {
  return [
    who,
    number(cost?.residentMiB ?? NaN, 1),
    number(cost?.anonymousMiB ?? NaN, 1),
    number(cost?.cpuPercent ?? NaN, 2),
  ];
}
