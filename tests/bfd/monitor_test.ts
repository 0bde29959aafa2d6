import assert from "node:assert/strict";
import type { Clock } from "../../mod/base/clock.ts";
import { PathMonitor } from "../../mod/bfd/monitor.ts";
import type { BfdDatagram } from "../../mod/bfd/network.ts";
import type { BfdChange, BfdPath, BfdState, BfdWatch } from "../../mod/bfd/types.ts";
import { Errno, SysError } from "../../mod/linux/errno.ts";
import type { BfdPacket } from "../../mod/net/bfd.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { seededRandom } from "../fakes/random.ts";
import { type ScriptedLine, ScriptedNetwork } from "./scripted_network.ts";

const PATH: BfdPath = {
  remoteIp: "10.0.0.2",
  localIp: "10.0.0.1",
  interface: "eth0",
  multihop: false,
  desiredTxMs: 50,
  requiredRxMs: 50,
  multiplier: 3,
};
const FROM_REMOTE: Omit<BfdDatagram, "bytes"> = {
  source: "10.0.0.2",
  destination: "10.0.0.1",
  linkIndex: 7,
  multihop: false,
};

function packet(state: BfdState, yourDiscriminator: number, myDiscriminator = 99): BfdPacket {
  return {
    state,
    diagnostic: 0,
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 3,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTxUs: 50_000,
    requiredMinRxUs: 50_000,
    requiredMinEchoRxUs: 0,
  };
}

/** Time that can leap over timers, as it does for a process that was stopped for a while. */
class LeapingClock implements Clock {
  readonly virtual = new VirtualClock();
  leaptMs = 0;

  now(): number {
    return this.virtual.now() + this.leaptMs;
  }

  readonly after: Clock["after"] = (delayMs, fire) => this.virtual.after(delayMs, fire);
}

interface Watched {
  readonly watch: BfdWatch;
  readonly line: ScriptedLine;
  readonly changes: BfdChange[];
  readonly discriminator: number;
}

class Setup {
  readonly clock = new LeapingClock();
  readonly network = new ScriptedNetwork();
  readonly monitor: PathMonitor;

  constructor(random = seededRandom(5)) {
    this.monitor = new PathMonitor({ network: this.network, clock: this.clock, random });
  }

  watch(differs: Partial<BfdPath> = {}): Watched {
    const changes: BfdChange[] = [];
    const watch = this.monitor.watch({ ...PATH, ...differs }, (change) => changes.push(change));
    this.clock.virtual.advance(0);
    const line = this.network.lines.at(-1);
    assert.ok(line !== undefined);
    return { watch, line, changes, discriminator: line.sent[0]?.myDiscriminator ?? 0 };
  }

  bringUp({ watch, discriminator }: Watched): void {
    this.network.deliver(packet("down", 0), FROM_REMOTE);
    this.network.deliver(packet("up", discriminator), FROM_REMOTE);
    assert.equal(watch.state, "up");
  }
}

Deno.test("a path comes up, and its changes are told after watch() has returned", () => {
  const setup = new Setup();
  const watched = setup.watch();
  assert.equal(watched.watch.state, "down");
  setup.bringUp(watched);
  assert.deepEqual(watched.changes.map(({ state }) => state), ["init", "up"]);
  assert.deepEqual(watched.line.sent.map(({ state }) => state), ["down", "init", "up"]);
  setup.monitor.close();
});

Deno.test("packets that do not know us yet belong to the path with their addresses, link and port", () => {
  const setup = new Setup();
  const eth0 = setup.watch();
  const eth1 = setup.watch({ interface: "eth1" });
  const far = setup.watch({ interface: null, multihop: true });
  const hello = packet("down", 0);
  for (
    const stray of [
      { ...FROM_REMOTE, source: "10.0.0.3" },
      { ...FROM_REMOTE, destination: "10.0.0.9" },
      { ...FROM_REMOTE, linkIndex: 9 },
    ]
  ) setup.network.deliver(hello, stray);
  assert.deepEqual([eth0, eth1, far].map(({ watch }) => watch.state), ["down", "down", "down"]);
  setup.network.deliver(hello, { ...FROM_REMOTE, linkIndex: 8 });
  assert.deepEqual([eth0, eth1, far].map(({ watch }) => watch.state), ["down", "init", "down"]);
  setup.network.deliver(hello, { ...FROM_REMOTE, linkIndex: 9, multihop: true });
  assert.deepEqual([eth0, eth1, far].map(({ watch }) => watch.state), ["down", "init", "init"]);
  setup.monitor.close();
});

Deno.test("RFC 5880 §6.3: our discriminator alone tells the path, but a neighbour's packet comes to the neighbours' port", () => {
  const setup = new Setup();
  const { watch, discriminator } = setup.watch();
  setup.network.deliver(packet("init", discriminator), { ...FROM_REMOTE, multihop: true });
  setup.network.deliver(packet("init", discriminator ^ 1), FROM_REMOTE);
  assert.equal(watch.state, "down");
  setup.network.deliver(packet("init", discriminator), { ...FROM_REMOTE, source: "10.0.0.77", linkIndex: 3 });
  assert.equal(watch.state, "up");
  setup.monitor.close();
});

Deno.test("what is no control packet changes nothing", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.bringUp(watched);
  for (const bytes of [new Uint8Array(0), new Uint8Array(24), new Uint8Array(500).fill(0xff)]) {
    setup.network.deliver(bytes, FROM_REMOTE);
  }
  assert.equal(watched.watch.state, "up");
  setup.monitor.close();
});

Deno.test("discriminators are never 0 and never used twice", () => {
  const numbers = [0, 0.25, 0.25, 0.25, 0.5];
  const jitter = 0.75;
  const setup = new Setup(() => numbers.shift() ?? jitter);
  const first = setup.monitor.watch(PATH, () => {});
  const second = setup.monitor.watch({ ...PATH, remoteIp: "10.0.0.3" }, () => {});
  setup.clock.virtual.advance(0);
  const used = setup.network.lines.map(({ sent }) => sent[0]?.myDiscriminator);
  assert.deepEqual(used, [2 ** 30, 2 ** 31]);
  assert.deepEqual([first.state, second.state], ["down", "down"]);
  setup.monitor.close();
});

Deno.test("a silent path is down after the detection time", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.bringUp(watched);
  setup.clock.virtual.advance(149);
  assert.equal(watched.watch.state, "up");
  setup.clock.virtual.advance(1);
  assert.deepEqual(watched.changes.at(-1), { state: "down", why: "nothing heard for 150 ms", remoteAdminDown: false });
  setup.monitor.close();
});

Deno.test("after a pause of the process the packets that waited are looked at before a path is declared down", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.bringUp(watched);
  setup.clock.leaptMs += 500;
  setup.network.queue(packet("up", watched.discriminator), FROM_REMOTE);
  setup.clock.virtual.advance(50);
  assert.equal(watched.watch.state, "up");
  setup.clock.leaptMs += 500;
  setup.clock.virtual.advance(50);
  assert.equal(watched.watch.state, "down", "nothing had come");
  setup.monitor.close();
});

Deno.test("packets leave every 37.5 to 50 ms, rounded up to whole milliseconds, however many arrive", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.bringUp(watched);
  setup.network.deliver({ ...packet("up", watched.discriminator), final: true }, FROM_REMOTE);
  const from = watched.line.sent.length;
  for (let ms = 0; ms < 10_000; ms += 20) {
    setup.clock.virtual.advance(20);
    setup.network.deliver(packet("up", watched.discriminator), FROM_REMOTE);
  }
  const count = watched.line.sent.length - from;
  assert.ok(count >= 10_000 / 51 && count <= 10_000 / 37.5, `${count} packets in ten seconds`);
  assert.equal(setup.clock.virtual.pending, 1);
  setup.monitor.close();
});

Deno.test("a stopped path says so, lets go of its line and timer, and hears nothing more", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.bringUp(watched);
  watched.watch.stop();
  watched.watch.stop();
  assert.deepEqual(watched.line.sent.slice(-4).map(({ state }) => state), [
    "up",
    "admin-down",
    "admin-down",
    "admin-down",
  ]);
  assert.deepEqual([watched.line.open, setup.clock.virtual.pending, watched.watch.state], [false, 0, "admin-down"]);
  setup.network.deliver(packet("down", watched.discriminator), FROM_REMOTE);
  assert.deepEqual(watched.changes.map(({ state }) => state), ["init", "up"]);
  assert.equal(setup.watch().watch.state, "down", "it can be watched again");
  setup.monitor.close();
});

Deno.test("whoever is told of a change may stop the path and begin anew at once", () => {
  const setup = new Setup();
  const states: BfdState[] = [];
  const again = (change: BfdChange): void => {
    states.push(change.state);
    if (change.state !== "down") return;
    watch.stop();
    setup.monitor.watch(PATH, ({ state }) => states.push(state));
  };
  const watch = setup.monitor.watch(PATH, again);
  setup.clock.virtual.advance(0);
  const discriminator = setup.network.lines[0]?.sent[0]?.myDiscriminator ?? 0;
  setup.network.deliver(packet("init", discriminator), FROM_REMOTE);
  setup.clock.virtual.advance(200);
  setup.network.deliver(packet("down", 0), FROM_REMOTE);
  assert.deepEqual(states, ["up", "down", "init"]);
  assert.deepEqual(setup.network.lines.map(({ open }) => open), [false, true]);
  setup.monitor.close();
});

Deno.test("a path is watched once", () => {
  const setup = new Setup();
  setup.watch();
  for (const same of [{}, { interface: null }]) {
    assert.throws(() => setup.monitor.watch({ ...PATH, ...same }, () => {}), { code: "EEXIST" });
  }
  setup.watch({ localIp: "10.0.0.5" });
  setup.monitor.close();
});

Deno.test("there is a limit to the paths of one monitor", () => {
  const setup = new Setup();
  for (let i = 0; i < 1024; i++) {
    setup.monitor.watch({ ...PATH, remoteIp: `10.1.${i >> 8}.${i & 255}` }, () => {});
  }
  assert.throws(() => setup.watch(), { code: "ENOBUFS" });
  setup.monitor.close();
  assert.equal(setup.clock.virtual.pending, 0);
});

Deno.test("a link that came back under another number is found again", () => {
  const setup = new Setup();
  const { watch, line, discriminator } = setup.watch();
  setup.network.result = "ENETUNREACH";
  setup.network.refuses = new SysError("bind BFD to link", Errno.ENODEV);
  setup.clock.virtual.advance(5000);
  assert.equal(line.open, true, "nothing better was to be had");
  setup.network.links["eth0"] = 12;
  setup.network.refuses = null;
  setup.clock.virtual.advance(1000);
  setup.network.result = "sent";
  assert.equal(line.open, false);
  assert.equal(setup.network.lines.length, 2);
  setup.network.deliver(packet("down", 0), FROM_REMOTE);
  assert.equal(watch.state, "down", "the old number is nobody's");
  setup.network.deliver(packet("down", 0), { ...FROM_REMOTE, linkIndex: 12 });
  assert.equal(watch.state, "init");
  assert.deepEqual(new Set(setup.network.lines[1]?.sent.map((each) => each.myDiscriminator)), new Set([discriminator]));
  setup.monitor.close();
});

Deno.test("a path whose sockets cannot be had is not watched, and can be later", () => {
  const setup = new Setup();
  setup.network.refuses = new SysError("bind", Errno.EADDRINUSE, { subject: "UDP port 3784" });
  assert.throws(() => setup.watch(), { code: "EADDRINUSE" });
  assert.equal(setup.clock.virtual.pending, 0);
  setup.network.refuses = null;
  setup.watch();
  setup.monitor.close();
});

Deno.test("errors of sending are no end: the other side's silence tells", () => {
  const setup = new Setup();
  const watched = setup.watch();
  setup.network.result = "ENETUNREACH";
  setup.bringUp(watched);
  setup.clock.virtual.advance(100);
  assert.equal(watched.watch.state, "up");
  setup.monitor.close();
});

Deno.test("closing stops every path and the network", () => {
  const setup = new Setup();
  const paths = [setup.watch(), setup.watch({ remoteIp: "10.0.0.3" })];
  setup.monitor.close();
  for (const { line } of paths) assert.equal(line.sent.at(-1)?.state, "admin-down");
  assert.ok(setup.network.closed);
  assert.equal(setup.clock.virtual.pending, 0);
});
