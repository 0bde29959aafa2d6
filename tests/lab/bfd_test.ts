import assert from "node:assert/strict";
import type { BfdPath } from "../../mod/bfd/types.ts";
import { BfdPort } from "../../mod/linux/bfd_socket.ts";
import { BfdDiagnostic } from "../../mod/net/bfd.ts";
import { privileged } from "../fakes/privileges.ts";
import { BfdLab, type Watched } from "./bfd_lab.ts";
import { configureFrr, recreateFrr, type RouterPeer, startBird, startFrr, type StartRouter } from "./bfd_routers.ts";
import { sleep } from "./time.ts";

const TIMERS = { desiredTxMs: 50, requiredRxMs: 50, multiplier: 3 };
/** The detection time is 150 ms. The goal of the median; a machine that runs other tests beside gets more for a single cut. */
const DETECT_MS = 200;
const DETECT_WORST_MS = 600;
/** The goal for coming up again. */
const BACK_MS = 2000;
const START_MS = 20_000;
const FRR = "/usr/lib/frr/bfdd";
const CUTS = 10;
/** Enough for a median. */
const FEW_CUTS = 3;
/** A cut in which this process was later than that with what it noted shows nothing, and is made again: so many times at most. */
const LATE_MS = 20;
const REPEATED = 5;

const ROUTERS: readonly { name: string; program: string; start: StartRouter }[] = [
  { name: "FRR", program: FRR, start: startFrr },
  { name: "BIRD", program: "bird", start: startBird },
];

/** Both ends of a path, as our monitor and as the router see it. */
interface Ends {
  readonly path: BfdPath;
  readonly peer: RouterPeer;
}

function ends(lab: BfdLab, kind: "IPv4" | "IPv6" | "link-local", multihop = false): Ends {
  const of = { "IPv4": "ip4", "IPv6": "ip6", "link-local": null }[kind] as "ip4" | "ip6" | null;
  const [localIp, remoteIp] = [lab.ours, lab.router].map((machine) =>
    of === null ? lab.linkLocal(machine) : machine.station[of]
  );
  assert.ok(localIp !== undefined && remoteIp !== undefined);
  return {
    path: { ...TIMERS, localIp, remoteIp, interface: multihop ? null : lab.ours.station.device, multihop },
    peer: { ...TIMERS, peer: localIp, local: remoteIp, multihop },
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`  ${line}\n`));
}

/** Waits until both sides are up, since a moment. Gives how long each took, ours first. */
async function bothUp(
  lab: BfdLab,
  watched: Watched,
  { sinceMs, limitMs }: { sinceMs: number; limitMs: number },
): Promise<number[]> {
  const ours = await lab.told(watched, "up", { sinceMs, limitMs });
  const theirs = await lab.routerSays("up", { from: watched.path.remoteIp, sinceMs, limitMs });
  return [ours - sinceMs, theirs.atMs - sinceMs];
}

/** The path stays up for a while. One in which this process was late, with its packets as well, shows nothing, and is begun anew. */
async function staysUp(lab: BfdLab, watched: Watched, forMs: number): Promise<void> {
  for (let left = REPEATED;; left--) {
    const sinceMs = performance.now();
    const told = watched.told.length;
    await sleep(forMs);
    if (watched.told.length === told && watched.watch.state === "up") return;
    const shown = JSON.stringify(watched.told.slice(told));
    assert.ok(left > 0 && lab.lateMs(sinceMs) > LATE_MS, `up for ${forMs} ms: ${shown}`);
    await lab.changes.until(() => watched.watch.state === "up" || null, START_MS, "up again");
  }
}

/** One cut and its mending: milliseconds until we and the router knew of the one and of the other. */
interface Cut {
  readonly ours: number;
  readonly theirs: number;
  readonly back: number;
  /** How late this process was with what it noted of the cut. */
  readonly late: number;
}

async function cutAndMend(lab: BfdLab, watched: Watched, aside: number): Promise<Cut> {
  // Both have agreed on the fast interval again.
  await staysUp(lab, watched, 300);
  const sinceMs = lab.cut();
  const limitMs = DETECT_WORST_MS * 2;
  const ours = await lab.told(watched, "down", { sinceMs, limitMs });
  const theirs = await lab.routerSays("down", { from: watched.path.remoteIp, sinceMs, limitMs });
  await sleep(aside);
  const late = lab.lateMs(sinceMs);
  const healedMs = lab.heal();
  const back = await bothUp(lab, watched, { sinceMs: healedMs, limitMs: START_MS });
  return { ours: ours - sinceMs, theirs: theirs.atMs - sinceMs, back: Math.max(...back), late };
}

/** So many cuts, the link away for a while longer at each. */
async function cutAndMendOften(
  lab: BfdLab,
  watched: Watched,
  { cuts, asideMs }: { cuts: number; asideMs: number },
): Promise<Cut[]> {
  const found: Cut[] = [];
  for (let left = REPEATED; found.length < cuts;) {
    const cut = await cutAndMend(lab, watched, asideMs * found.length);
    if (cut.late <= LATE_MS || left-- <= 0) found.push(cut);
  }
  return found;
}

function judge(name: string, cuts: readonly Cut[]): void {
  const columns = { ours: cuts.map(({ ours }) => ours), theirs: cuts.map(({ theirs }) => theirs) };
  for (const [who, values] of Object.entries(columns)) {
    report(`${name}: cut seen by ${who} after ${values.map(Math.round).join(" ")} ms`);
    assert.ok(median(values) <= DETECT_MS, `${who}: median ${median(values)} ms`);
    assert.ok(Math.max(...values) <= DETECT_WORST_MS, `${who}: worst ${Math.max(...values)} ms`);
  }
  const back = cuts.map((each) => each.back);
  report(`${name}: up again after ${back.map(Math.round).join(" ")} ms`);
  assert.ok(Math.max(...back) <= BACK_MS, `back after ${Math.max(...back)} ms`);
}

for (const { name, program, start } of ROUTERS) {
  privileged(
    `BFD with ${name}: a cut is noticed by both sides, and mended links are used again`,
    () =>
      BfdLab.with(async (lab) => {
        const { path, peer } = ends(lab, "IPv4");
        await start(lab, [peer]);
        const sinceMs = performance.now();
        const watched = lab.watch(path);
        await bothUp(lab, watched, { sinceMs, limitMs: START_MS });
        await staysUp(lab, watched, 500);
        judge(name, await cutAndMendOften(lab, watched, { cuts: CUTS, asideMs: 100 }));
        const sent = lab.heard.ours;
        assert.ok(sent.every(({ hopLimit, trafficClass }) => hopLimit === 255 && trafficClass === 0xc0));
        assert.equal(new Set(sent.map(({ sourcePort }) => sourcePort)).size, 1);
      }),
    { program },
  );

  for (const kind of ["IPv6", "link-local"] as const) {
    privileged(`BFD with ${name} over ${kind} addresses`, () =>
      BfdLab.with(async (lab) => {
        const { path, peer } = ends(lab, kind);
        await start(lab, [peer]);
        const sinceMs = performance.now();
        const watched = lab.watch(path);
        await bothUp(lab, watched, { sinceMs, limitMs: START_MS });
        judge(`${name} ${kind}`, await cutAndMendOften(lab, watched, { cuts: FEW_CUTS, asideMs: 250 }));
      }), { program });
  }

  privileged(`BFD with ${name} over several hops`, () =>
    BfdLab.with(async (lab) => {
      const { path, peer } = ends(lab, "IPv4", true);
      await start(lab, [peer]);
      const sinceMs = performance.now();
      const watched = lab.watch(path);
      await bothUp(lab, watched, { sinceMs, limitMs: START_MS });
      judge(`${name} multihop`, await cutAndMendOften(lab, watched, { cuts: FEW_CUTS, asideMs: 250 }));
      assert.ok(lab.heard.ours.every(({ port }) => port === BfdPort.multihop));
    }), { program });

  privileged(
    `BFD with ${name}: the router hears that we stop, and we come up with it again`,
    () =>
      BfdLab.with(async (lab) => {
        const { path, peer } = ends(lab, "IPv4");
        await start(lab, [peer]);
        const first = lab.watch(path);
        await bothUp(lab, first, { sinceMs: 0, limitMs: START_MS });
        await sleep(300);
        const stoppedMs = performance.now();
        first.watch.stop();
        const said = { from: path.remoteIp, sinceMs: stoppedMs, limitMs: START_MS };
        const { packet } = await lab.routerSays("down", said);
        assert.equal(packet.diagnostic, BfdDiagnostic.neighborSignaledDown);
        const againMs = performance.now();
        const [ours = Infinity] = await bothUp(lab, lab.watch(path), { sinceMs: againMs, limitMs: START_MS });
        report(`${name}: watched again after a stop, up after ${Math.round(ours)} ms`);
        assert.ok(ours <= BACK_MS, `up after ${ours} ms`);
      }),
    { program },
  );

  privileged(
    `BFD with ${name}: a router that is killed and started again is up again`,
    () =>
      BfdLab.with(async (lab) => {
        const { path, peer } = ends(lab, "IPv4");
        const router = await start(lab, [peer]);
        const watched = lab.watch(path);
        await bothUp(lab, watched, { sinceMs: 0, limitMs: START_MS });
        await sleep(300);
        const killedMs = performance.now();
        await router.kill();
        await lab.told(watched, "down", { sinceMs: killedMs, limitMs: DETECT_WORST_MS });
        await start(lab, [peer]);
        const sinceMs = performance.now();
        await bothUp(lab, watched, { sinceMs, limitMs: START_MS });
        await staysUp(lab, watched, 500);
      }),
    { program },
  );

  privileged(`BFD with ${name}: a pause of this process is no failure of the path`, () =>
    BfdLab.with(async (lab) => {
      const { path, peer } = ends(lab, "IPv4");
      await start(lab, [peer]);
      // The router is to tolerate the pause; our own detection time stays 150 ms.
      const watched = lab.watch({ ...path, multiplier: 40 });
      await bothUp(lab, watched, { sinceMs: 0, limitMs: START_MS });
      await sleep(300);
      const changes = watched.told.length;
      for (let round = 0; round < 3; round++) {
        const untilMs = performance.now() + 400;
        while (performance.now() < untilMs);
        await sleep(100);
      }
      assert.equal(watched.told.length, changes);
    }), { program });
}

privileged(
  "a neighbour that an operator of FRR shuts down is told from one that fails, and comes back",
  () =>
    BfdLab.with(async (lab) => {
      const { path, peer } = ends(lab, "IPv4");
      const router = await startFrr(lab, [peer]);
      const watched = lab.watch(path);
      await bothUp(lab, watched, { sinceMs: 0, limitMs: START_MS });
      const sinceMs = performance.now();
      await configureFrr(lab, router, { peer, command: "shutdown" });
      await lab.told(watched, "down", { sinceMs, limitMs: START_MS });
      const { remoteAdminDown, why } = watched.told.at(-1) ?? {};
      assert.deepEqual({ remoteAdminDown, why }, { remoteAdminDown: true, why: "the other side has been shut down" });
      const backMs = performance.now();
      await configureFrr(lab, router, { peer, command: "no shutdown" });
      await bothUp(lab, watched, { sinceMs: backMs, limitMs: START_MS });
    }),
  { program: FRR },
);

privileged(
  "a neighbour that FRR takes anew, with another discriminator, is up again at once",
  () =>
    BfdLab.with(async (lab) => {
      const { path, peer } = ends(lab, "IPv4");
      const router = await startFrr(lab, [peer]);
      const watched = lab.watch(path);
      await bothUp(lab, watched, { sinceMs: 0, limitMs: START_MS });
      for (let round = 0; round < 3; round++) {
        const known = lab.heard.router.at(-1)?.packet.myDiscriminator;
        const sinceMs = performance.now();
        await recreateFrr(lab, router, peer);
        const anew = (): true | null => lab.heard.router.at(-1)?.packet.myDiscriminator !== known || null;
        await lab.changes.until(anew, START_MS, "another discriminator");
        const back = await bothUp(lab, watched, { sinceMs, limitMs: START_MS });
        report(`FRR: taken anew, up after ${back.map(Math.round).join(" and ")} ms`);
        assert.ok(Math.max(...back) <= BACK_MS, `up after ${back} ms`);
        await staysUp(lab, watched, 300);
      }
    }),
  { program: FRR },
);

privileged("a node that runs FRR's bfdd itself is told that BFD's port is taken", () =>
  BfdLab.with(async (lab) => {
    const { path, peer } = ends(lab, "IPv4");
    await startFrr(lab, [peer]);
    await bothUp(lab, lab.watch(path), { sinceMs: 0, limitMs: START_MS });
    const swapped = { ...path, localIp: path.remoteIp, remoteIp: path.localIp };
    const refused = lab.attempt(lab.router, swapped);
    assert.match(refused, /UDP port 3784 for BFD over IPv4: EADDRINUSE \(another program/);
  }), { program: FRR });
