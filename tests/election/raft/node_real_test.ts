import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { FileStorage } from "../../../mod/election/raft/file_storage.ts";
import { RaftNode } from "../../../mod/election/raft/node.ts";
import { UdpTransport } from "../../../mod/election/raft/udp_transport.ts";
import type { Endpoint } from "../../../mod/election/raft/udp_transport.ts";
import { Poller } from "../../../mod/linux/poller.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { HoldLedger } from "../../fakes/machine.ts";

const IP = "10.0.0.1";
const TIMING = { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 };

function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

async function waitFor<T>(what: string, look: () => T | undefined): Promise<T> {
  for (const giveUp = performance.now() + 10_000; performance.now() < giveUp;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail(`${what} did not happen in ten seconds`);
}

Deno.test("three members over UDP and files elect, transfer, hand over, and remember after a restart", async () => {
  const directory = await Deno.makeTempDir();
  const ledger = new HoldLedger(systemClock);
  const endpoints: Endpoint[] = [];
  const poller = new Poller((error) => assert.fail(String(error)));
  for (const id of ["a", "b", "c"]) endpoints.push({ id, address: "127.0.0.1", port: await freePort() });
  const make = (local: Endpoint): RaftNode => {
    const peers = endpoints.filter((each) => each !== local);
    return new RaftNode({
      self: local.id,
      peers: peers.map((each) => each.id),
      timing: TIMING,
      placement: "leader",
      addresses: [IP],
      clock: systemClock,
      random: Math.random,
      storage: new FileStorage(`${directory}/${local.id}`, { member: local.id, cluster: "test" }),
      transport: new UdpTransport({ local, peers, secret: "s3cret", clusterId: "test", clock: systemClock, poller }),
      sink: ledger.sink(local.id),
      startAsLeader: false,
      graceMs: () => 0,
      fit: () => true,
      soloAllowed: () => true,
    });
  };
  const nodes = new Map(endpoints.map((each) => [each.id, make(each)]));
  const holder = (): string | undefined => ledger.holders(IP)[0];
  try {
    for (const node of nodes.values()) await node.start();
    let giver = await waitFor("an election", holder);
    let transferred = await nodes.get(giver)?.transfer(null);
    // On a busy machine the others may be late just then, or lead themselves by now.
    for (let tries = 1; transferred?.outcome !== "transferred" && tries < 20; tries++) {
      giver = await waitFor("an election", holder);
      transferred = await nodes.get(giver)?.transfer(null);
    }
    assert(transferred?.outcome === "transferred", JSON.stringify(transferred));
    assert.notEqual(transferred.to, giver);
    const second = await waitFor("a hand-over", holder);
    const { term } = nodes.get(second)?.observe() ?? { term: 0 };
    await nodes.get(second)?.stop();
    const third = await waitFor("a successor", holder);
    assert.notEqual(third, second);
    for (const node of nodes.values()) await node.stop();
    assert.equal(holder(), undefined);
    for (const local of endpoints) {
      nodes.set(local.id, make(local));
      await nodes.get(local.id)?.start();
    }
    const again = await waitFor("an election after the restart", holder);
    assert((nodes.get(again)?.observe().term ?? 0) > term);
    assert.deepEqual(ledger.overlaps, []);
  } finally {
    for (const node of nodes.values()) await node.stop();
    await poller.close();
    await Deno.remove(directory, { recursive: true });
  }
});
