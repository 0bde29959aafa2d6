/**
 * Measures the same faults on three nodes of ours and on three of the stand-in, and prints the medians as a table:
 *
 *     deno run -A tests/cluster/compare.ts [runs] [leaseDuration/renewDeadline/retryPeriod …]
 *
 * A killed stand-in's addresses are removed by hand, or its kernel would answer for ever.
 */

import { assert } from "../../mod/base/assert.ts";
import { median } from "../lab/analysis.ts";
import { findPrograms } from "../kubernetes/build.ts";
import { MixedWorld, type Role, type Seen } from "./mixed.ts";
import { HOLDER_FAULTS } from "./mixed_faults.ts";
import type { LeaseSeconds } from "./program.ts";
import { ensureStandIn } from "./standin.ts";

const ROLES: readonly Role[] = ["ours", "theirs"];

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function parseTimes(text: string): LeaseSeconds {
  const [duration = 0, renewDeadline = 0, retryPeriod = 0] = text.split("/").map(Number);
  return { duration, renewDeadline, retryPeriod };
}

function row(title: string, role: Role, seen: readonly Seen[]): string {
  const outages = seen.map(({ outageMs }) => Math.max(outageMs[4], outageMs[6]));
  const most = Math.max(...seen.map(({ maxAnswering }) => Math.max(maxAnswering[4], maxAnswering[6])));
  const both = seen.flatMap(({ overlaps }) => overlaps).join("; ") || "never";
  return `| ${title} | ${role} | ${median(outages)} | ${outages.join(", ")} | ${most} | ${both} |`;
}

async function measure(mixed: MixedWorld, role: Role, runs: number): Promise<void> {
  await mixed.start([role, role, role]);
  for (const fault of HOLDER_FAULTS) {
    const seen: Seen[] = [];
    for (let run = 0; run < runs; run++) {
      seen.push(await mixed.see(fault.title, (holder) => fault.run(mixed, holder)));
    }
    say(row(fault.title, role, seen));
  }
}

async function main(runs: number, times: readonly LeaseSeconds[]): Promise<void> {
  const env = (name: string): string | undefined => Deno.env.get(name);
  const [programs, standIn] = [await findPrograms(env), await ensureStandIn(env)];
  assert(
    programs.outcome === "ready" && standIn.outcome === "ready",
    "the API servers and the stand-in have been built",
  );
  const paths = { ...programs.paths, standIn: standIn.path };
  for (const one of times) {
    say(`\n${one.duration}/${one.renewDeadline}/${one.retryPeriod}, milliseconds\n`);
    say("| the holder | who | median outage | outages | machines at once | for how long |\n|---|---|---|---|---|---|");
    for (const role of ROLES) await MixedWorld.with(paths, one, (mixed) => measure(mixed, role, runs));
  }
}

const [runs = "3", ...times] = Deno.args;
if (import.meta.main) await main(Number(runs), (times.length > 0 ? times : ["5/3/1", "15/10/2"]).map(parseTimes));
