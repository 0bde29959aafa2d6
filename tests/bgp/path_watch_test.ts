import assert from "node:assert/strict";
import type { BfdPath } from "../../mod/bfd/types.ts";
import { PathWatch } from "../../mod/bgp/path_watch.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { BFD } from "./configs.ts";
import { FakeBfd, recordedLog } from "./speaker_kit.ts";

const PATH: BfdPath = { ...BFD, localIp: "10.0.0.1", remoteIp: "10.0.0.2", interface: null, multihop: false };

class Kit {
  readonly clock = new VirtualClock();
  readonly bfd = new FakeBfd();
  readonly events: string[] = [];
  readonly lines: string[];
  readonly watch: PathWatch;

  constructor() {
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.watch = new PathWatch({
      peer: "p",
      monitor: () => this.bfd,
      clock: this.clock,
      log,
      events: { down: () => void this.events.push("down"), up: () => void this.events.push("up") },
    });
  }

  said(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length;
  }

  /** The session comes up, and the path is watched a moment later. */
  sessionUp(path = PATH): void {
    this.watch.sessionUp(path);
    this.clock.advance(100);
  }

  /** BGP and BFD are up, and have been for a while. */
  settle(): void {
    this.sessionUp();
    this.bfd.watched.become("init");
    this.bfd.watched.become("up");
    this.clock.advance(60_000);
    assert.deepEqual(this.events, []);
    assert.equal(this.said("BFD does not come up"), 0);
    assert.equal(this.clock.pending, 0);
  }

  /** The path fails, which ends the session. */
  fail(): void {
    this.bfd.watched.become("down");
    this.watch.sessionDown();
  }
}

Deno.test("a path that was up and goes down ends the session at once, and it is tried again when the path is back", () => {
  const kit = new Kit();
  kit.settle();
  kit.fail();
  assert.deepEqual(kit.events, ["down"]);
  kit.clock.advance(200);
  kit.bfd.watched.become("init");
  assert.deepEqual(kit.events, ["down"]);
  kit.bfd.watched.become("up");
  assert.deepEqual(kit.events, ["down", "up"]);
  kit.sessionUp();
  assert.equal(kit.bfd.watches.length, 1);
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, ["down", "up"]);
  assert.equal(kit.clock.pending, 0);
  kit.fail();
  assert.deepEqual(kit.events, ["down", "up", "down"]);
});

Deno.test("a path that stays down does not lock out a router that starts BFD only after BGP", () => {
  const kit = new Kit();
  kit.settle();
  kit.fail();
  kit.clock.advance(999);
  assert.deepEqual(kit.events, ["down"]);
  kit.clock.advance(1);
  assert.deepEqual(kit.events, ["down", "up"]);
  kit.sessionUp();
  kit.bfd.watched.become("init");
  kit.bfd.watched.become("down");
  assert.deepEqual(kit.events, ["down", "up"]);
});

Deno.test("FRR must not find BFD up when BGP comes up: a path is watched a moment later, and a failed one for a while only", () => {
  const kit = new Kit();
  kit.watch.sessionUp(PATH);
  kit.clock.advance(99);
  assert.equal(kit.bfd.watches.length, 0);
  kit.clock.advance(1);
  kit.bfd.watched.become("up");
  kit.fail();
  kit.clock.advance(5999);
  assert.equal(kit.bfd.live.length, 1);
  kit.clock.advance(1);
  assert.equal(kit.bfd.live.length, 0);
  assert.equal(kit.clock.pending, 0);
  assert.deepEqual(kit.events, ["down", "up"]);
});

Deno.test("a session that ends for another reason takes BFD with it", () => {
  const kit = new Kit();
  kit.settle();
  kit.watch.sessionDown();
  assert.equal(kit.bfd.live.length, 0);
  kit.watch.sessionUp(PATH);
  kit.watch.sessionDown();
  assert.equal(kit.clock.pending, 0);
  assert.equal(kit.bfd.live.length, 0);
  assert.deepEqual(kit.events, []);
});

Deno.test("what a failed path does before the session is back ends nothing", () => {
  const kit = new Kit();
  kit.settle();
  kit.fail();
  kit.bfd.watched.become("up");
  kit.bfd.watched.become("down");
  kit.bfd.watched.become("up");
  assert.deepEqual(kit.events, ["down", "up"]);
});

Deno.test("BFD that never comes up ends nothing and is warned of once", () => {
  const kit = new Kit();
  for (let i = 0; i < 3; i++) {
    kit.sessionUp();
    kit.bfd.watched.become("init");
    kit.bfd.watched.become("down");
    kit.clock.advance(20_000);
    kit.watch.sessionDown();
  }
  assert.deepEqual(kit.events, []);
  assert.equal(kit.said("BFD does not come up"), 1);
  assert.equal(kit.clock.pending, 0);
});

Deno.test("the other side's AdminDown is no failure, nor is its silence afterwards (RFC 5882 §3.2)", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.watched.become("down", { remoteAdminDown: true });
  kit.bfd.watched.become("down");
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, []);
  assert.equal(kit.said("stopped on purpose"), 1);
});

Deno.test("another path replaces the one that was watched, the same one is left alone", () => {
  const kit = new Kit();
  kit.settle();
  kit.fail();
  kit.sessionUp({ ...PATH });
  assert.equal(kit.bfd.watches.length, 1);
  kit.bfd.watched.become("up");
  kit.fail();
  kit.sessionUp({ ...PATH, localIp: "10.0.0.9" });
  assert.equal(kit.bfd.watched.path.localIp, "10.0.0.9");
  kit.events.length = 0;
  kit.bfd.watches[0]?.become("up");
  kit.bfd.watches[0]?.become("down");
  assert.deepEqual(kit.events, []);
  assert.equal(kit.watch.state, "down");
});

Deno.test("sockets that cannot be had are told of, and asked for again with the next session", () => {
  const kit = new Kit();
  kit.bfd.error = new Error("no buffer space");
  kit.sessionUp();
  assert.equal(kit.said("no buffer space"), 1);
  assert.equal(kit.watch.state, "down");
  kit.bfd.error = null;
  kit.watch.sessionDown();
  kit.sessionUp();
  kit.bfd.watched.become("up");
  assert.equal(kit.watch.state, "up");
});

Deno.test("after stop nothing is watched, timed or told", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.watched.become("down");
  kit.watch.stop();
  kit.watch.stop();
  kit.bfd.watches[0]?.become("up");
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, ["down"]);
  assert.equal(kit.clock.pending, 0);
});
