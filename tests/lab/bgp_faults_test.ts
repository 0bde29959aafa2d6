import assert from "node:assert/strict";
import { connectSession, FakeRouter, type FakeSession, MessageType } from "../routers/fake_router.ts";
import { bounded } from "../routers/figures.ts";
import { FATAL, RESET, SOUND, SURVIVED } from "../routers/malformed.ts";
import { withRouters } from "../routers/needs.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { BACK_AFTER_RESET_MS, PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import type { SpeakerChild } from "../routers/speaker_child.ts";
import { speakerConfig, speakerPeer } from "../routers/speaker_protocol.ts";
import { neighbor } from "../routers/types.ts";
import { NODE_AS, ROUTER_AS, VIP_4, VIP_6 } from "../routers/world.ts";
import type { PeerReport } from "../../mod/bgp/types.ts";
import type { Machine } from "./network.ts";
import { sleep } from "./time.ts";

const MEGABYTE = 1e6;

interface Pair {
  readonly lab: RouterLab;
  readonly border: Machine;
  readonly speaker: SpeakerChild;
  readonly peer: string;
}

async function withPair(listenPort: number | null, use: (pair: Pair) => Promise<void>): Promise<void> {
  await RouterLab.with(async (lab) => {
    const [border, node] = [lab.machine("fake"), lab.machine("node")];
    const peer = border.station.ip4;
    const peers = [speakerPeer(peer, ROUTER_AS, { passive: listenPort !== null })];
    const speaker = await lab.speaker(speakerConfig(NODE_AS, node.station.ip4, { peers, listenPort }), node);
    await speaker.announce(VIP_4, VIP_6);
    await use({ lab, border, speaker, peer });
  });
}

async function sendAll(session: FakeSession, { speaker, peer }: Pair): Promise<void> {
  for (const bytes of Object.values(SURVIVED)) await session.send(bytes);
  const faults = Object.keys(SURVIVED).length;
  const seen = await speaker.waitReport(peer, PATIENCE_MS, ({ malformedUpdates }) => malformedUpdates >= faults);
  await session.send(SOUND);
  const refused = ({ prefixesRefused }: PeerReport): boolean => prefixesRefused > seen.value.prefixesRefused;
  const { state, established, malformedUpdates } = (await speaker.waitReport(peer, PATIENCE_MS, refused)).value;
  assert.deepEqual({ state, established, malformedUpdates }, {
    state: "established",
    established: 1,
    malformedUpdates: faults,
  });
}

withRouters(
  "faulty UPDATEs are survived as RFC 7606 says, and what cannot be ends the session for a moment",
  [],
  async () => {
    await withPair(null, async (pair) => {
      const router = new FakeRouter(pair.border, ROUTER_AS);
      try {
        let session = await router.session(PATIENCE_MS);
        await sendAll(session, pair);
        for (const [name, { bytes, code }] of Object.entries(FATAL)) {
          await session.send(bytes);
          const { body } = await session.until(MessageType.notification);
          assert.deepEqual([...body.subarray(0, 2)], code, name);
          session.close();
          const fromMs = performance.now();
          session = await router.session(PATIENCE_MS);
          await session.until(MessageType.update);
          bounded(`${name} → session back`, {
            tookMs: performance.now() - fromMs,
            boundMs: BACK_AFTER_RESET_MS + SLACK_MS,
          });
        }
        session.close();
      } finally {
        router.close();
      }
    });
  },
);

withRouters("a session that comes and goes a hundred times leaves nothing behind", [], async () => {
  await withPair(179, async (pair) => {
    const { speaker, border, peer } = pair;
    const to = { ip: speaker.machine.station.ip4, as: ROUTER_AS };
    const flap = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count++) {
        const session = await connectSession(border, to, PATIENCE_MS);
        await session.until(MessageType.update);
        if (count % 2 === 0) await session.send(RESET);
        session.close();
        await speaker.waitReport(peer, PATIENCE_MS, ({ state }) => state !== "established");
      }
    };
    await flap(20);
    const before = await speaker.memory();
    const fromMs = performance.now();
    await flap(100);
    bounded("100 flaps", { tookMs: performance.now() - fromMs, boundMs: 60_000 });
    await sleep(1000);
    const after = await speaker.memory();
    assert.equal(after.descriptors, before.descriptors);
    const grownBytes = after.heapBytes - before.heapBytes;
    assert.ok(grownBytes < MEGABYTE, `the heap has grown by ${grownBytes} bytes`);
    assert.equal((await speaker.report(peer)).established, 120);
  });
});

withRouters("attributes that ExaBGP spoils are survived", ["exabgp"], async () => {
  await RouterLab.with(async (lab) => {
    const [border, node] = [lab.machine("exabgp"), lab.machine("node")];
    const [peer, own] = [border.station.ip4, node.station.ip4];
    const peers = [speakerPeer(peer, ROUTER_AS, { passive: true })];
    const speaker = await lab.speaker(speakerConfig(NODE_AS, own, { peers, listenPort: 179 }), node);
    const sayings = {
      "10.5.0.1/32": "attribute [ 0x01 0x40 0x09 ]",
      "10.5.0.2/32": "attribute [ 0x08 0xc0 0x010203 ]",
      "10.5.0.3/32": "attribute [ 0x07 0xc0 0x01 ]",
      "10.5.0.4/32": "attribute [ 0x63 0xc0 0x01020304 ]",
    };
    await lab.router("exabgp", {
      as: ROUTER_AS,
      routerId: peer,
      neighbors: [neighbor(own, NODE_AS, { families: [4] })],
      gracefulRestart: false,
      originate: [...Object.keys(sayings), "10.5.0.5/32"],
      sayings,
    }, border);
    await speaker.waitUp(peer, PATIENCE_MS);
    const seen = await speaker.waitReport(peer, PATIENCE_MS, ({ prefixesRefused }) => prefixesRefused >= 3);
    assert.equal(seen.value.malformedUpdates, 3);
    await sleep(500);
    const { state, established } = await speaker.report(peer);
    assert.deepEqual({ state, established }, { state: "established", established: 1 });
  });
});
