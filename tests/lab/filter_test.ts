import assert from "node:assert/strict";
import {
  bindSocket,
  closeFd,
  Family,
  internetAddress,
  newSender,
  openSocket,
  SocketType,
  tryReceive,
  trySend,
} from "../../mod/linux/socket.ts";
import { privileged } from "../fakes/privileges.ts";
import { lose, loseNothing } from "./filter.ts";
import { type Machine, Network } from "./network.ts";
import { ip, PEER_PORT, station } from "./plan.ts";
import { sleep } from "./time.ts";

const DATAGRAMS = 400;
/** To this port the switch loses nothing: what is sent there last arrives last. */
const END_PORT = PEER_PORT + 1;
const END_MS = 5000;
/** So many are on their way at once: no queue is so short. */
const TOGETHER = 20;

/** A UDP socket on a machine. */
function socketOn(machine: Machine, port: number): number {
  const fd = machine.inside(() => openSocket(Family.INET, SocketType.DGRAM, 0));
  bindSocket(fd, internetAddress(ip(machine.station.ip4), port), machine.name);
  return fd;
}

/** How many of so many datagrams to the members' port arrive. */
async function arrived(from: Machine, to: Machine): Promise<number> {
  const [receiver, ends] = [socketOn(to, PEER_PORT), socketOn(to, END_PORT)];
  const sender = socketOn(from, 0);
  const [address, end] = [PEER_PORT, END_PORT].map((port) => internetAddress(ip(to.station.ip4), port));
  assert.ok(address && end);
  const buffer = new Uint8Array(16);
  const origin = newSender();
  let count = 0;
  for (let sent = 0; sent < DATAGRAMS; sent++) {
    assert.equal(trySend(sender, new Uint8Array(8), address), 8);
    if ((sent + 1) % TOGETHER > 0) continue;
    assert.equal(trySend(sender, new Uint8Array(8), end), 8);
    const untilMs = performance.now() + END_MS;
    while (tryReceive(ends, buffer, origin) <= 0) {
      assert.ok(performance.now() < untilMs, "the end arrives");
      await sleep(1);
    }
    while (tryReceive(receiver, buffer, origin) > 0) count++;
  }
  for (const fd of [sender, receiver, ends]) closeFd(fd);
  return count;
}

privileged("the switch loses members' datagrams of one machine, in one direction, or some at random", async () => {
  const network = Network.create();
  try {
    const [a, b] = [station("a", 1), station("b", 2)].map((one) => network.connect(one));
    assert.ok(a && b);
    assert.equal(await arrived(a, b), DATAGRAMS);
    lose(network, { kind: "from", machine: a });
    assert.equal(await arrived(a, b), 0);
    assert.equal(await arrived(b, a), DATAGRAMS);
    lose(network, { kind: "to", machine: a });
    assert.equal(await arrived(a, b), DATAGRAMS);
    assert.equal(await arrived(b, a), 0);
    lose(network, { kind: "random", oneIn: 5 });
    const some = await arrived(a, b);
    // Five standard deviations about 320.
    assert.ok(some > 280 && some < 360, `${some} of ${DATAGRAMS}`);
    loseNothing(network);
    assert.equal(await arrived(a, b), DATAGRAMS);
    loseNothing(network);
  } finally {
    network.close();
  }
});
