import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { machinesAtOnce } from "./analysis.ts";
import { Lab } from "./lab.ts";
import { tablesOf } from "./network.ts";
import { ECHO_PORT, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES } from "./records.ts";
import { sharedNow } from "./time.ts";

privileged(
  "a single node serves its addresses without peers, and gives them back when it is asked to leave",
  async () => {
    const extra = { singleNode: true, remotePeers: [] };
    await Lab.with({ nodes: 1, backends: 1, extra }, async (lab) => {
      await lab.startAll();
      const [node] = lab.nodes;
      assert.ok(node);
      assert.deepEqual(
        node.machine.addresses(),
        [node.machine.station.ip4, VIP_4, node.machine.station.ip6, VIP_6].sort(),
      );
      assert.deepEqual(lab.ask("echo", VIP_4, String(ECHO_PORT), "alone"), ["backend1", "alone"]);
      assert.equal((await node.terminate()).code, 0);
      assert.deepEqual(node.machine.addresses(), [node.machine.station.ip4, node.machine.station.ip6].sort());
      assert.deepEqual(tablesOf(node.machine), []);
    });
  },
);

privileged(
  "startAsLeader serves alone while no peer answers, and two nodes never answer when the peers come",
  async () => {
    await Lab.with({ extra: { startAsLeader: true } }, async (lab) => {
      const [first] = lab.nodes;
      assert.ok(first);
      first.start();
      const alone = (): true | null => lab.probes.pings.isSteady(300) ? true : null;
      await lab.probes.pings.changes.until(alone, 15_000, "service by one of three");
      await lab.startAll();
      const span = { fromMs: -Infinity, untilMs: sharedNow() };
      for (const family of FAMILIES) assert.equal(machinesAtOnce(lab.probes.samples.inquiries(family), span), 1);
    });
  },
);
