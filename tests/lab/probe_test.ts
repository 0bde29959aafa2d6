import assert from "node:assert/strict";
import {
  closeFd,
  Family as SocketFamily,
  linkAddress,
  openSocket,
  SocketType,
  trySend,
} from "../../mod/linux/socket.ts";
import { gratuitousRequest } from "../../mod/net/arp.ts";
import { EtherType } from "../../mod/net/ethernet.ts";
import { parseMac } from "../../mod/net/mac.ts";
import { unsolicitedAdvert } from "../../mod/net/ndp.ts";
import { privileged } from "../fakes/privileges.ts";
import { blindMs, machinesAtOnce, outageMs, ownOutageMs } from "./analysis.ts";
import { Network } from "./network.ts";
import { ip, station, VIP_4, VIP_6 } from "./plan.ts";
import { Probes } from "./probes.ts";
import { FAMILIES, type Family } from "./records.ts";
import { sharedNow, sleep } from "./time.ts";

/** Far below the 15 s after which a client's kernel looks anew for a neighbour by itself. */
const SERVED_MS = 5000;

const VIPS: Readonly<Record<Family, { ip: string; prefixLength: number }>> = {
  4: { ip: VIP_4, prefixLength: 32 },
  6: { ip: VIP_6, prefixLength: 128 },
};

async function withProbes(use: (world: World) => Promise<void>): Promise<void> {
  const network = Network.create();
  try {
    const [a, b, client, observer] = [["a", 1], ["b", 2], ["client", 100], ["observer", 101]].map(
      ([name, host]) => network.connect(station(String(name), Number(host))),
    );
    assert.ok(a && b && client && observer);
    const probes = await Probes.start(client, observer);
    try {
      await use({ network, a, b, probes });
    } finally {
      await probes.stop();
    }
  } finally {
    network.close();
  }
}

interface World {
  readonly network: Network;
  readonly a: ReturnType<Network["connect"]>;
  readonly b: ReturnType<Network["connect"]>;
  readonly probes: Probes;
}

function hold(machine: World["a"]): void {
  for (const family of FAMILIES) machine.addAddress(VIPS[family].ip, VIPS[family].prefixLength);
}

function letGo(machine: World["a"]): void {
  for (const family of FAMILIES) machine.removeAddress(VIPS[family].ip, VIPS[family].prefixLength);
}

/** What a holder sends when it takes an address over. */
function announce(machine: World["a"]): void {
  const mac = parseMac(machine.mac);
  assert.ok(mac);
  const frames = {
    [EtherType.arp]: gratuitousRequest(mac, ip(VIP_4)),
    [EtherType.ipv6]: unsolicitedAdvert(mac, { source: ip(VIP_6), target: ip(VIP_6) }),
  };
  for (const [etherType, frame] of Object.entries(frames)) {
    const fd = openSocket(SocketFamily.PACKET, SocketType.RAW, 0);
    assert.equal(trySend(fd, frame, linkAddress(machine.linkIndex, Number(etherType))), frame.length);
    closeFd(fd);
  }
}

async function served({ probes }: World): Promise<void> {
  const fromMs = sharedNow();
  const steady = (): true | null =>
    probes.pings.isSteady(100, fromMs) && FAMILIES.every((family) => probes.answering(family) !== null) ? true : null;
  await probes.pings.changes.until(steady, SERVED_MS, "pings answered");
}

/** Waits until so many machines have answered at one instant since then. */
async function answeredAtOnce({ probes: { samples } }: World, fromMs: number, machines: number): Promise<void> {
  const look = (): true | null =>
    FAMILIES.every((family) => machinesAtOnce(samples.inquiries(family), { fromMs, untilMs: Infinity }) === machines)
      ? true
      : null;
  await samples.changes.until(look, SERVED_MS, `${machines} at once`);
}

privileged(
  "an address that is away for a known time is measured to the probe's precision",
  () =>
    withProbes(async (world) => {
      const { a, probes } = world;
      hold(a);
      await served(world);
      const fromMs = sharedNow();
      letGo(a);
      const goneMs = sharedNow();
      await sleep(150);
      const backMs = sharedNow();
      hold(a);
      // This process may have to wait between two moments that it notes, and the address is away for something in between.
      const [leastMs, mostMs] = [backMs - goneMs, sharedNow() - fromMs];
      await served(world);
      const span = { fromMs: fromMs - 20, untilMs: probes.pings.knownMs };
      for (const family of FAMILIES) {
        const [pings, others] = [probes.pings.pings(family), probes.others.pings(family)];
        const [measured, own] = [outageMs(pings, span), ownOutageMs(pings, span, others)];
        const slackMs = 10 + blindMs(probes.pings.sentMs(family), span);
        const shown = `IPv${family}: ${measured} and ${own} for ${leastMs} to ${mostMs} ms (± ${slackMs})`;
        assert.ok(measured >= leastMs - slackMs && own <= mostMs + slackMs, shown);
        assert.equal(machinesAtOnce(probes.samples.inquiries(family), span), 1);
        assert.ok(others.length > 0 && others.some(({ repliedMs }) => repliedMs !== null), "others answer meanwhile");
      }
    }),
);

privileged(
  "canary: two machines with the same address are seen by the sampler, in both families",
  () =>
    withProbes(async (world) => {
      const { a, b, probes } = world;
      const fromMs = sharedNow();
      hold(a);
      await served(world);
      assert.equal(probes.answering(4), a.mac);
      hold(b);
      await answeredAtOnce(world, fromMs, 2);
      letGo(a);
      const after = sharedNow();
      await answeredAtOnce(world, after, 1);
      await sleep(100);
      for (const family of FAMILIES) {
        const inquiries = probes.samples.inquiries(family);
        assert.equal(machinesAtOnce(inquiries, { fromMs: after, untilMs: Infinity }), 1, `IPv${family}`);
      }
      assert.equal(probes.answering(6), b.mac);
    }),
);

privileged(
  "the client's own neighbour table decides: without an announcement it keeps asking the old machine",
  () =>
    withProbes(async (world) => {
      const { a, b, probes } = world;
      hold(a);
      await served(world);
      letGo(a);
      hold(b);
      await probes.samples.changes.until(
        () => probes.answering(4) === b.mac ? true : null,
        SERVED_MS,
        "answers of the second",
      );
      const fromMs = sharedNow();
      await sleep(200);
      assert.equal(outageMs(probes.pings.pings(4), { fromMs, untilMs: sharedNow() }), Infinity);
    }),
);

privileged(
  "an announcement is a claim, not an answer, and it turns the client to the new machine",
  () =>
    withProbes(async (world) => {
      const { a, b, probes } = world;
      hold(a);
      await served(world);
      letGo(a);
      hold(b);
      probes.samples.clear();
      b.inside(() => announce(b));
      const told = (): true | null =>
        FAMILIES.every((family) => probes.samples.claims(family).length > 0) ? true : null;
      await probes.samples.changes.until(told, SERVED_MS, "claims");
      await served(world);
      for (const family of FAMILIES) {
        assert.deepEqual(probes.samples.claims(family).map((claim) => claim.mac), [b.mac], `IPv${family}`);
      }
    }),
);

privileged("a cut cable silences a machine and mending it brings it back", () =>
  withProbes(async (world) => {
    const { network, a, probes } = world;
    hold(a);
    await served(world);
    network.cut(a);
    const silent = (): true | null =>
      FAMILIES.every((family) => probes.samples.answering(family).size === 0) ? true : null;
    await probes.samples.changes.until(silent, SERVED_MS, "silence");
    network.mend(a);
    await served(world);
  }));
