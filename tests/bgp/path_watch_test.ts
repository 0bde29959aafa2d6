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

  /** BGP and BFD are up, and have been for a while. */
  settle(): void {
    this.watch.sessionUp(PATH);
    this.bfd.only.become("init");
    this.bfd.only.become("up");
    this.clock.advance(60_000);
    assert.deepEqual(this.events, []);
  }
}

Deno.test("a path that was up and goes down ends the session at once, and it is tried again when the path is back", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.only.become("down");
  assert.deepEqual(kit.events, ["down"]);
  kit.watch.sessionDown();
  kit.clock.advance(200);
  kit.bfd.only.become("init");
  assert.deepEqual(kit.events, ["down"]);
  kit.bfd.only.become("up");
  assert.deepEqual(kit.events, ["down", "up"]);
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, ["down", "up"]);
  assert.equal(kit.clock.pending, 0);
});

Deno.test("a path that stays down does not lock out a router that starts BFD only after BGP", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.only.become("down");
  kit.watch.sessionDown();
  kit.clock.advance(999);
  assert.deepEqual(kit.events, ["down"]);
  kit.clock.advance(1);
  assert.deepEqual(kit.events, ["down", "up"]);
  kit.watch.sessionUp(PATH);
  kit.bfd.only.become("init");
  kit.bfd.only.become("down");
  assert.deepEqual(kit.events, ["down", "up"]);
});

Deno.test("BFD that never comes up ends nothing and is warned of once", () => {
  const kit = new Kit();
  for (let i = 0; i < 3; i++) {
    kit.watch.sessionUp(PATH);
    kit.bfd.only.become("init");
    kit.bfd.only.become("down");
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
  kit.bfd.only.become("down", { remoteAdminDown: true });
  kit.bfd.only.become("down");
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, []);
  assert.equal(kit.said("stopped on purpose"), 1);
});

Deno.test("AdminDown after a failure frees the session", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.only.become("down");
  kit.bfd.only.become("down", { remoteAdminDown: true });
  assert.deepEqual(kit.events, ["down", "up"]);
  assert.equal(kit.clock.pending, 0);
});

Deno.test("FRR makes its BFD session anew when BGP comes up: no flap comes of it", () => {
  const kit = new Kit();
  kit.watch.watch(PATH);
  kit.bfd.only.become("up");
  kit.clock.advance(5000);
  kit.watch.sessionUp(PATH);
  kit.clock.advance(300);
  kit.bfd.only.become("down");
  kit.clock.advance(1500);
  kit.bfd.only.become("up");
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, []);
});

Deno.test("once BFD has come up after BGP there is no grace any more", () => {
  const kit = new Kit();
  kit.watch.watch(PATH);
  kit.bfd.only.become("up");
  kit.clock.advance(5000);
  kit.watch.sessionUp(PATH);
  kit.clock.advance(100);
  kit.bfd.only.become("down");
  kit.clock.advance(100);
  kit.bfd.only.become("up");
  kit.clock.advance(100);
  kit.bfd.only.become("down");
  assert.deepEqual(kit.events, ["down"]);
});

Deno.test("the grace is for the first second, and ends if the path does not come back", () => {
  const late = new Kit();
  late.watch.watch(PATH);
  late.bfd.only.become("up");
  late.clock.advance(5000);
  late.watch.sessionUp(PATH);
  late.clock.advance(1001);
  late.bfd.only.become("down");
  assert.deepEqual(late.events, ["down"]);

  const lost = new Kit();
  lost.watch.watch(PATH);
  lost.bfd.only.become("up");
  lost.clock.advance(5000);
  lost.watch.sessionUp(PATH);
  lost.bfd.only.become("down");
  lost.clock.advance(4999);
  assert.deepEqual(lost.events, []);
  lost.clock.advance(1);
  assert.deepEqual(lost.events, ["down"]);
});

Deno.test("another path replaces the one that was watched, the same one is left alone", () => {
  const kit = new Kit();
  kit.settle();
  kit.watch.sessionDown();
  kit.watch.sessionUp({ ...PATH });
  assert.equal(kit.bfd.watches.length, 1);
  kit.watch.sessionUp({ ...PATH, localIp: "10.0.0.9" });
  assert.equal(kit.bfd.only.path.localIp, "10.0.0.9");
  kit.bfd.watches[0]?.become("down");
  assert.deepEqual(kit.events, []);
  assert.equal(kit.watch.state, "down");
});

Deno.test("sockets that cannot be had are told of, and asked for again with the next session", () => {
  const kit = new Kit();
  kit.bfd.error = new Error("no buffer space");
  kit.watch.sessionUp(PATH);
  assert.equal(kit.said("no buffer space"), 1);
  assert.equal(kit.watch.state, "down");
  kit.bfd.error = null;
  kit.watch.sessionDown();
  kit.watch.sessionUp(PATH);
  kit.bfd.only.become("up");
  assert.equal(kit.watch.state, "up");
});

Deno.test("after stop nothing is watched, timed or told", () => {
  const kit = new Kit();
  kit.settle();
  kit.bfd.only.become("down");
  kit.watch.stop();
  kit.watch.stop();
  kit.bfd.watches[0]?.become("up");
  kit.clock.advance(60_000);
  assert.deepEqual(kit.events, ["down"]);
  assert.equal(kit.clock.pending, 0);
});
