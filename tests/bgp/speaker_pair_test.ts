/** Two speakers with real sessions, on TCP in memory and virtual time. */
import assert from "node:assert/strict";
import { BgpSpeaker } from "../../mod/bgp/speaker.ts";
import type { BgpConfig, PeerReport } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { BgpNetwork } from "../fakes/bgp_transport.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { seededRandom } from "../fakes/random.ts";
import { bgpConfig, peerConfig } from "./configs.ts";
import { FakeBfd, recordedLog, turn } from "./speaker_kit.ts";

const BOTH = new Set<Family>([4, 6]);

class Pair {
  readonly clock = new VirtualClock();
  readonly network = new BgpNetwork(this.clock);
  readonly a = this.#speaker(1, { as: 65000, routerId: "10.0.0.1", peers: [peerConfig(2, { families: BOTH })] });
  readonly b = this.#speaker(2, {
    as: 65001,
    routerId: "10.0.0.2",
    listenPort: 179,
    peers: [peerConfig(1, { as: 65000, families: BOTH, passive: true })],
  });

  #speaker(host: number, config: Partial<BgpConfig>): BgpSpeaker {
    return new BgpSpeaker({
      config: bgpConfig([], config),
      transport: this.network.host(`10.0.0.${host}`),
      bfdMonitor: () => new FakeBfd(),
      clock: this.clock,
      random: seededRandom(host),
      addresses: () => [
        { ip: `10.0.0.${host}`, prefixLength: 24, linkName: "eth0", isLinkLocal: false },
        { ip: `fd00::${host}`, prefixLength: 64, linkName: "eth0", isLinkLocal: false },
      ],
      lookup: () => Promise.resolve([]),
      linkPeers: { peer: () => null, onChange: () => () => {} },
      log: recordedLog().log,
    });
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5) {
      this.clock.advance(5);
      await turn();
    }
  }

  async start(): Promise<void> {
    await this.b.start();
    await this.a.start();
    await this.pass(1500);
  }

  async close(): Promise<void> {
    const closed = Promise.all([this.a.close(), this.b.close()]);
    await this.pass(3000);
    await closed;
    assert.equal(this.network.ends.size, 0, "no connection is left");
    assert.equal(this.clock.pending, 0, "no timer is left");
  }
}

function only(speaker: BgpSpeaker): PeerReport {
  const [report] = speaker.reports();
  assert.ok(report !== undefined);
  return report;
}

Deno.test("two speakers find each other, count each other's routes, and import none", async () => {
  const pair = new Pair();
  await pair.start();
  assert.equal(only(pair.a).state, "established");
  assert.equal(only(pair.b).state, "established");
  for (let i = 0; i < 300; i++) pair.a.announce(`10.9.${i >> 8}.${i & 0xff}`, "a");
  pair.a.announce("fd09::1", "a");
  await pair.pass(50);
  assert.equal(only(pair.b).prefixesRefused, 301);
  assert.equal(only(pair.b).prefixesSent, 0);
  pair.a.withdraw("10.9.0.7", "a");
  await pair.pass(50);
  assert.equal(only(pair.b).prefixesRefused, 300);
  assert.equal(only(pair.a).malformedUpdates + only(pair.b).malformedUpdates, 0);
  await pair.close();
});

Deno.test("100 sessions that end one after the other leave nothing behind", async () => {
  const pair = new Pair();
  await pair.start();
  pair.a.announce("10.9.0.1", "a");
  await pair.pass(50);
  for (let i = 0; i < 100; i++) {
    for (const end of [...pair.network.ends]) end.die("connection reset by the peer");
    await pair.pass(2000);
    assert.equal(only(pair.b).prefixesRefused, 1, `flap ${i}`);
  }
  assert.equal(only(pair.a).established, 101);
  assert.equal(pair.network.ends.size, 2);
  await pair.close();
});

Deno.test("a peer that closes is told of at once, and comes back with its routes", async () => {
  const pair = new Pair();
  await pair.start();
  pair.a.announce("10.9.0.1", "a");
  await pair.pass(50);
  const closed = pair.a.close();
  await pair.pass(100);
  assert.notEqual(only(pair.b).state, "established");
  assert.equal(only(pair.b).prefixesRefused, 0);
  assert.match(only(pair.b).lastError ?? "", /kube-vip is stopping/);
  await pair.pass(2000);
  await closed;
  await pair.close();
});
