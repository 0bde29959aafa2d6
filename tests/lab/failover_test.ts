/** Every row of the table once: never two machines, and times with tenfold slack. The benchmark measures the medians. */

import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { type Fault, type FaultResult, FAULTS, heal, runFault } from "./faults.ts";
import { Lab } from "./lab.ts";
import { FAMILIES } from "./records.ts";

const SLACK = 10;

function check(fault: Fault, result: FaultResult, boundMs: number | null): void {
  for (const family of FAMILIES) {
    const shown = `${fault.title}, IPv${family}: ${JSON.stringify(result)}`;
    assert.ok(result.maxAnswering[family] <= 1, `machines that answered at one instant: ${shown}`);
    assert.ok(result.outageMs[family] < Infinity, `service came back: ${shown}`);
    if (boundMs !== null) {
      assert.ok(result.outageMs[family] <= boundMs * SLACK, `within ${boundMs * SLACK} ms: ${shown}`);
    }
  }
}

/** Every fault in a step of its own; one that fails does not spoil the next. */
async function endure(
  t: Deno.TestContext,
  lab: Lab,
  faults: readonly (readonly [Fault, number | null])[],
): Promise<void> {
  await lab.startAll();
  for (const [fault, boundMs] of faults) {
    const passed = await t.step(fault.title, async () => {
      try {
        check(fault, await runFault(lab, fault), boundMs);
      } catch (error) {
        throw new Error(lab.logs(), { cause: error });
      }
    });
    if (!passed) await heal(lab);
  }
}

privileged("a cluster of three survives every fault of the table, and two machines never answer", async (t) => {
  await Lab.with({}, (lab) => endure(t, lab, FAULTS.map((fault) => [fault, fault.medianMs])));
});

privileged("with fast timing a cluster survives a cut, a kill and a hang, and two machines never answer", async (t) => {
  const faults = FAULTS.filter(({ fastMedianMs }) => fastMedianMs !== null);
  await Lab.with({ timing: "fast" }, (lab) => endure(t, lab, faults.map((fault) => [fault, fault.fastMedianMs])));
});
