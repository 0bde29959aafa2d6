import assert from "node:assert/strict";
import { ADDRESS_PROTOCOL } from "../../mod/vip/address.ts";
import { privileged } from "../fakes/privileges.ts";
import { machinesAtOnce, ownOutageMs } from "./analysis.ts";
import { Lab, PATIENT } from "./lab.ts";
import { flushTables, tablesOf } from "./network.ts";
import type { LabNode } from "./node.ts";
import { ip, PREFIX_LENGTH_6, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES } from "./records.ts";
import { sharedNow, sleep } from "./time.ts";

/** What is to be back within 100 ms has this long. */
const BACK_MS = 1000;
const WATCH_MS = 300;
/** An election, and questions to the network. */
const REFUSED_MS = 30_000;
/** An address that is none of ours. */
const STRANGE = "10.98.0.77";
const PREFIX_LENGTHS = { [VIP_4]: 32, [VIP_6]: 128 } as const;

/** Does something to the holder; the client is served again soon, the address is announced anew, and nobody else answered. */
async function recovers(lab: Lab, holder: LabNode, mischief: () => void): Promise<void> {
  await lab.settled();
  lab.probes.clear();
  await sleep(WATCH_MS / 3);
  const fromMs = sharedNow();
  mischief();
  await sleep(WATCH_MS);
  await lab.settled();
  const { pings, others, samples } = lab.probes;
  const span = { fromMs, untilMs: pings.knownMs };
  for (const family of FAMILIES) {
    const goneMs = ownOutageMs(pings.pings(family), span, others.pings(family));
    assert.ok(goneMs <= BACK_MS, `IPv${family} was away for ${goneMs} ms`);
    assert.ok(machinesAtOnce(samples.inquiries(family), span) <= 1);
    const announced = samples.claims(family).some((claim) => claim.atMs >= fromMs && claim.mac === holder.machine.mac);
    assert.ok(announced, `IPv${family} was announced anew`);
  }
  assert.equal(lab.holder()?.name, holder.name);
  assert.ok(holder.machine.addresses().filter((text) => text in PREFIX_LENGTHS).length === FAMILIES.length);
}

function removeVips({ machine }: LabNode): void {
  for (const [text, prefixLength] of Object.entries(PREFIX_LENGTHS)) {
    assert.equal(machine.removeAddress(text, prefixLength), "removed");
  }
}

function linkDownAndUp({ machine }: LabNode): void {
  machine.routes.setDown(machine.linkIndex);
  machine.routes.setUp(machine.linkIndex);
  // The kernel forgets IPv6 addresses on the way; the network service of the machine puts its own back.
  machine.addAddress(machine.station.ip6, PREFIX_LENGTH_6);
}

privileged("what others do to the holder's kernel is mended, and what others own is left alone", async (t) => {
  await Lab.with({ timing: PATIENT }, async (lab) => {
    const [first] = lab.nodes;
    assert.ok(first);
    await t.step("at start, leftovers of an earlier run are removed and other addresses stay", async () => {
      const { routes, linkIndex } = first.machine;
      const lifetimes = { validSeconds: 3600, preferredSeconds: 0, nodad: true };
      routes.putAddress({ ip: ip(VIP_4), prefixLength: 32, linkIndex, ...lifetimes, protocol: ADDRESS_PROTOCOL });
      routes.putAddress({ ip: ip(VIP_6), prefixLength: 128, linkIndex, ...lifetimes, protocol: ADDRESS_PROTOCOL });
      first.machine.addAddress(STRANGE, 24);
      const there = (): true | null => FAMILIES.every((one) => lab.probes.answering(one) !== null) ? true : null;
      await lab.probes.samples.changes.until(there, 10_000, "answers for the leftovers");
      first.start();
      const gone = (): true | null =>
        FAMILIES.every((one) => lab.probes.samples.answering(one).size === 0) ? true : null;
      await lab.probes.samples.changes.until(gone, 10_000, "leftovers gone");
      assert.ok(first.machine.addresses().includes(STRANGE));
    });
    await lab.startAll();
    const holder = await lab.settled();
    await t.step(
      "the addresses are back after somebody removed them",
      () => recovers(lab, holder, () => removeVips(holder)),
    );
    await t.step("the guard is back after somebody flushed the ruleset", async () => {
      const before = tablesOf(holder.machine);
      assert.notDeepEqual(before, []);
      flushTables(holder.machine);
      await sleep(BACK_MS);
      assert.deepEqual(tablesOf(holder.machine), before);
      assert.equal((await lab.settled()).name, holder.name);
    });
    await t.step("the addresses are back after the link went down and up", () => {
      return recovers(lab, holder, () => linkDownAndUp(holder));
    });
  });
});

privileged("an orderly stop leaves the kernel as it was found", async () => {
  await Lab.with({}, async (lab) => {
    const seen = (): string[] => lab.nodes.map((node) => `${node.machine.addresses()} ${tablesOf(node.machine)}`);
    const before = seen();
    await lab.startAll();
    assert.notDeepEqual(seen(), before);
    for (const node of lab.nodes) {
      const { code, signal } = await node.terminate();
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, node.name);
    }
    assert.deepEqual(seen(), before);
  });
});

privileged("an address that belongs to another machine of the link is refused, and taken when it is free", async () => {
  await Lab.with({ backends: 1 }, async (lab) => {
    const [stranger] = lab.backends;
    assert.ok(stranger);
    for (const [text, prefixLength] of Object.entries(PREFIX_LENGTHS)) stranger.addAddress(text, prefixLength);
    for (const node of lab.nodes) node.start();
    await Promise.all(lab.nodes.map((node) => node.ready(30_000)));
    lab.probes.clear();
    const refused = (text: string): boolean =>
      lab.nodes.some(({ log }) =>
        log.some((line) => ["refus", stranger.mac, text].every((part) => line.includes(part)))
      );
    const both = (): true | null => Object.keys(PREFIX_LENGTHS).every(refused) ? true : null;
    await lab.probes.samples.changes.until(both, REFUSED_MS, "refusals of both addresses");
    await sleep(WATCH_MS);
    const span = { fromMs: -Infinity, untilMs: sharedNow() };
    for (const family of FAMILIES) {
      assert.equal(machinesAtOnce(lab.probes.samples.inquiries(family), span), 1);
      assert.equal(lab.probes.answering(family), stranger.mac);
    }
    for (const [text, prefixLength] of Object.entries(PREFIX_LENGTHS)) stranger.removeAddress(text, prefixLength);
    await lab.settled();
  });
});

privileged("an address that belongs to the node itself is refused at start and left alone", async () => {
  await Lab.with({ nodes: 1, extra: { singleNode: true } }, async (lab) => {
    const [node] = lab.nodes;
    assert.ok(node);
    node.machine.addAddress(VIP_4, 24);
    node.start();
    const { code } = await node.child.end(15_000);
    assert.equal(code, 1);
    assert.ok(node.log.some((line) => line.includes(VIP_4)), node.log.join("\n"));
    assert.ok(node.machine.addresses().includes(VIP_4));
  });
});
