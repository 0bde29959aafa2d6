/**
 * A control plane whose nodes pass one by one from client-go's election, which upstream uses, to ours and back, and one that stays mixed:
 *
 *     deno test -A tests/cluster/upgrade.ts
 *
 * Takes minutes. What the others do wrong is printed; what counts is that a node of ours never answers while another holds the Lease, and
 * never takes it before its record has run out.
 */

import assert from "node:assert/strict";
import { findPrograms } from "../kubernetes/build.ts";
import { MixedWorld, type Role, type Seen } from "./mixed.ts";
import { HOLDER_FAULTS, type Step } from "./mixed_faults.ts";
import type { LeaseSeconds } from "./program.ts";
import { ensureStandIn } from "./standin.ts";

const env = (name: string): string | undefined => Deno.env.get(name);
const TIMES: readonly LeaseSeconds[] = [
  { duration: 5, renewDeadline: 3, retryPeriod: 1 },
  { duration: 15, renewDeadline: 10, retryPeriod: 2 },
];

function say(seen: Seen): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(seen)}\n`));
}

/** Says what was seen and judges ours. */
async function judge(t: Deno.TestContext, mixed: MixedWorld, step: Step): Promise<void> {
  await t.step(step.title, async () => {
    try {
      const seen = await mixed.see(step.title, (holder) => step.run(mixed, holder));
      say(seen);
      assert.deepEqual(seen.wrongs, []);
    } catch (error) {
      throw new Error(mixed.world.lab.logs(), { cause: error });
    }
  });
}

async function upgrade(t: Deno.TestContext, mixed: MixedWorld): Promise<void> {
  await mixed.start(["theirs", "theirs", "theirs"]);
  for (const node of mixed.nodes) {
    await judge(t, mixed, { title: `upgrade of ${node.name}`, run: () => mixed.replace(node, "ours") });
  }
  await judge(t, mixed, { title: "downgrade of the holder", run: (_, holder) => mixed.replace(holder, "theirs") });
}

async function faultsOf(t: Deno.TestContext, mixed: MixedWorld, roles: readonly Role[]): Promise<void> {
  await mixed.start(roles);
  for (const role of ["ours", "theirs"] as const) {
    const node = mixed.nodes.find((one) => mixed.role(one) === role);
    if (node === undefined) continue;
    for (const fault of HOLDER_FAULTS) {
      await mixed.prefer(node);
      await judge(t, mixed, { ...fault, title: `${roles.join("+")}: holder (${role}) ${fault.title}` });
    }
  }
}

const found = await findPrograms(env);
const standIn = await ensureStandIn(env);
const ready = found.outcome === "ready" && standIn.outcome === "ready"
  ? { ...found.paths, standIn: standIn.path }
  : null;
const why = standIn.outcome === "unavailable" ? standIn.reason : "the API servers have not been built";

for (const times of TIMES) {
  const scenarios: readonly [string, (t: Deno.TestContext, mixed: MixedWorld) => Promise<void>][] = [
    ["nodes are upgraded one by one, and one is downgraded", upgrade],
    ["one of ours beside two of theirs", (t, mixed) => faultsOf(t, mixed, ["ours", "theirs", "theirs"])],
    ["two of ours beside one of theirs", (t, mixed) => faultsOf(t, mixed, ["ours", "ours", "theirs"])],
  ];
  for (const [title, run] of scenarios) {
    const name = `with a Lease of ${times.duration} s ${title}${ready === null ? ` [skipped: ${why}]` : ""}`;
    Deno.test(name, { ignore: ready === null }, async (t) => {
      assert.ok(ready !== null);
      await MixedWorld.with(ready, times, (mixed) => run(t, mixed));
    });
  }
}
