/** What every test of a control plane does with its faults. */

import assert from "node:assert/strict";
import { FAMILIES } from "../lab/records.ts";
import { type ClusterFault, type ClusterResult, healWorld, runClusterFault } from "./faults.ts";
import type { LeaseSeconds, World } from "./program.ts";

/** What a series of faults is judged by. */
export interface Bounds {
  readonly times: LeaseSeconds;
  /** Beyond what the rows say: a busy machine of two processors runs three API servers, etcd and the nodes. */
  readonly slackMs: number;
}

function check(fault: ClusterFault, result: ClusterResult, { times, slackMs }: Bounds): void {
  const boundMs = fault.outageMs?.(times) ?? null;
  for (const family of FAMILIES) {
    const shown = `${fault.title}, IPv${family}: ${JSON.stringify(result)}`;
    assert.ok(result.maxAnswering[family] <= 1, `machines that answered at one instant: ${shown}`);
    if (boundMs !== null) assert.ok(result.outageMs[family] <= boundMs + slackMs, `within ${boundMs} ms: ${shown}`);
  }
  if (fault.moveMs !== null) {
    const shown = JSON.stringify(result);
    assert.ok((result.movedMs ?? Infinity) <= fault.moveMs + slackMs, `moved within ${fault.moveMs} ms: ${shown}`);
  }
}

/** Starts the nodes and does one fault after the other, each in a step of its own; one that fails does not spoil the next. */
export async function endure(
  t: Deno.TestContext,
  world: World,
  run: Bounds & { readonly faults: readonly ClusterFault[] },
): Promise<void> {
  await world.lab.startAll();
  for (const fault of run.faults) {
    const passed = await t.step(fault.title, async () => {
      try {
        check(fault, await runClusterFault(world, fault, run.times), run);
      } catch (error) {
        throw new Error(world.lab.logs(), { cause: error });
      }
    });
    if (!passed) await healWorld(world);
  }
}
