import assert from "node:assert/strict";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel, fakeLink } from "../fakes/kernel.ts";
import { bench, grant, STRANGER, V4, V6 } from "./holder_kit.ts";

Deno.test("before a grant nothing answers, under one both addresses do, and they are announced at once", () => {
  const { clock, kernel, announcer, holder, heard } = bench();
  assert.equal(holder.start(), "guard");
  assert.equal(kernel.answers(V4), false);
  holder.granted([grant(clock), grant(clock, 200, V6)]);
  assert.equal(kernel.answers(V4) && kernel.answers(V6), true);
  assert.deepEqual(announcer.calls.filter((call) => call.startsWith("announce")), [`announce ${V4}`, `announce ${V6}`]);
  assert.deepEqual(heard, [`held ${V4}`, `held ${V6}`]);
  holder.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("a grant that is not renewed ends at its deadline, in the kernel first", () => {
  const { clock, kernel, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock)]);
  clock.advance(199);
  assert.equal(kernel.answers(V4), true);
  clock.advance(1);
  assert.equal(kernel.answers(V4), false);
  assert.deepEqual(heard, [`held ${V4}`, `released ${V4} silent`]);
  assert.deepEqual(kernel.addresses(), []);
  holder.stop();
});

Deno.test("renewed every 50 ms it answers without a gap, and the lifetime of the address is renewed now and then", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  for (let beat = 0; beat < 200; beat++) {
    holder.granted([grant(clock)]);
    clock.advance(50);
    assert.equal(kernel.answers(V4), true, `beat ${beat}`);
  }
  const puts = kernel.calls.filter((call) => call === `put ${V4}`).length;
  assert.equal(puts >= 10 && puts <= 25, true, `${puts} puts in 10 s`);
  holder.stop();
});

Deno.test("a process that is stopped while renewing does not extend the hold", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  holder.granted([grant(clock)]);
  kernel.beforeAllow = () => {
    kernel.beforeAllow = () => {};
    clock.advance(5000);
  };
  holder.granted([grant(clock)]);
  assert.equal(kernel.answers(V4), false);
  assert.equal(holder.status()[0]?.heldHere, false);
  holder.stop();
});

Deno.test("a revoked address is silent on return: connections first, then permission, then address", () => {
  const { clock, kernel, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock)]);
  kernel.calls.length = 0;
  holder.revoked([V4], "transfer");
  assert.equal(kernel.answers(V4), false);
  assert.deepEqual(heard.at(-1), `released ${V4} answering`);
  assert.deepEqual(kernel.calls, [`deny ${V4}`, `remove ${V4}`]);
  holder.stop();
});

Deno.test("an address that somebody deletes is back at once and announced again", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 10_000)]);
  clock.advance(1500);
  announcer.calls.length = 0;
  kernel.remove(V4, 32, 2);
  holder.kernelEvent({ type: "address-removed", ip: V4, linkIndex: 2 });
  assert.equal(kernel.answers(V4), true);
  assert.deepEqual(announcer.calls, [`announce ${V4}`]);
  holder.stop();
});

Deno.test("a flushed ruleset is rebuilt within 100 ms, holding or not", () => {
  for (const holding of [true, false]) {
    const { clock, kernel, holder } = bench();
    holder.start();
    if (holding) holder.granted([grant(clock, 10_000)]);
    else kernel.foreignAddress({ ip: V4, prefixLength: 32, linkIndex: 3, protocol: 0, validSeconds: Infinity });
    kernel.flushGuard();
    clock.advance(100);
    assert.equal(kernel.answers(V4), holding);
    holder.stop();
  }
});

Deno.test("after link down and up, and on a new link of the same name, the address is there and announced", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(1500);
  for (const [down, up] of [[2, 2], [2, 7]] as const) {
    clock.advance(1500);
    kernel.remove(V4, 32, 2);
    holder.kernelEvent({ type: "link-changed", link: fakeLink({ index: down, running: false }) });
    announcer.calls.length = 0;
    kernel.setLinks([fakeLink({ index: up })]);
    holder.kernelEvent({ type: "link-changed", link: fakeLink({ index: up }) });
    assert.equal(kernel.addresses().some((address) => address.ip === V4 && address.linkIndex === up), true);
    const attached = up === down ? [] : ["attach eth0"];
    assert.deepEqual(announcer.calls, [...attached, `announce ${V4}`, `probe ${V6}`]);
  }
  holder.stop();
});

Deno.test("addresses of two links go to their links, and each link heals on its own", () => {
  const vips = [{ ip: V4, prefixLength: 32, linkName: "eth0" }, { ip: V6, prefixLength: 128, linkName: "eth1" }];
  const { clock, kernel, announcer, holder } = bench({ vips });
  kernel.setLinks([fakeLink(), fakeLink({ index: 3, name: "eth1" })]);
  holder.start();
  holder.granted([grant(clock, 60_000), grant(clock, 60_000, V6)]);
  assert.deepEqual(kernel.addresses().map((address) => [address.ip, address.linkIndex]), [[V4, 2], [V6, 3]]);
  clock.advance(1500);
  announcer.calls.length = 0;
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ index: 3, name: "eth1", running: false }) });
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ index: 3, name: "eth1" }) });
  assert.deepEqual(announcer.calls, [`announce ${V6}`]);
  holder.stop();
});

Deno.test("a link with another hardware address is announced again", () => {
  const { clock, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(1500);
  announcer.calls.length = 0;
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ mac: Uint8Array.of(2, 0, 0, 0, 0, 7) }) });
  assert.deepEqual(announcer.calls, ["attach eth0", `announce ${V4}`, `probe ${V6}`]);
  holder.stop();
});

Deno.test("a machine whose link has no carrier, or whose kernel refuses, is unfit once that lasts", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  assert.equal(holder.unfit(), null);
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ running: false }) });
  assert.equal(holder.unfit(), null);
  clock.advance(501);
  assert.match(holder.unfit() ?? "", /^eth0 has no carrier/);
  assert.match(holder.status()[0]?.conflict ?? "", /^eth0 has no carrier/);
  holder.kernelEvent({ type: "link-changed", link: fakeLink() });
  assert.equal(holder.unfit(), null);
  kernel.failing.add("put");
  clock.advance(1100);
  assert.match(holder.unfit() ?? "", /^the kernel refuses: address/);
  kernel.failing.clear();
  clock.advance(600);
  assert.equal(holder.unfit(), null);
  holder.stop();
});

Deno.test("an address that is taken away without end is put back now and then, not each time", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(1500);
  announcer.calls.length = 0;
  for (let round = 0; round < 1000; round++) {
    clock.advance(1);
    kernel.remove(V4, 32, 2);
    holder.kernelEvent({ type: "address-removed", ip: V4, linkIndex: 2 });
  }
  const announced = announcer.calls.length;
  assert.equal(announced >= 5 && announced <= 30, true, `${announced} announcements in a second`);
  clock.advance(100);
  assert.equal(kernel.answers(V4), true);
  holder.stop();
});

Deno.test("a listener that throws keeps no address answering", () => {
  const clock = new VirtualClock();
  const kernel = new FakeKernel(clock);
  const broken = (): void => {
    throw new Error("broken listener");
  };
  const { holder } = {
    holder: bench({ clock, book: kernel, permission: kernel, listener: { held: broken, released: broken } }).holder,
  };
  holder.start();
  holder.granted([grant(clock), grant(clock, 200, V6)]);
  assert.equal(kernel.answers(V4) && kernel.answers(V6), true);
  holder.revoked([V4, V6], "transfer");
  assert.equal(kernel.answers(V4) || kernel.answers(V6), false);
  holder.stop();
});

Deno.test("an address that cannot be removed stays silent after the stop", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  holder.granted([grant(clock)]);
  kernel.failing.add("remove");
  holder.stop();
  assert.equal(kernel.addresses().some((address) => address.ip === V4), true);
  assert.equal(kernel.answers(V4), false);
});

Deno.test("boot: stale addresses of ours are removed before anything else, others are never touched", () => {
  const { kernel, holder } = bench();
  const ours = { ip: V4, prefixLength: 32, linkIndex: 2, protocol: 0x76, validSeconds: 3 };
  const admins = { ip: V6, prefixLength: 128, linkIndex: 2, protocol: 0, validSeconds: Infinity };
  kernel.foreignAddress(ours);
  kernel.foreignAddress(admins);
  holder.start();
  assert.deepEqual(kernel.addresses().map((address) => address.ip), [V6]);
  holder.stop();
});

Deno.test("an address that a stranger answers for is refused until the stranger is silent", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  announcer.onSighting({ ip: V4, mac: STRANGER });
  clock.advance(250);
  holder.granted([grant(clock, 60_000)]);
  assert.equal(kernel.answers(V4), false);
  assert.match(holder.status()[0]?.conflict ?? "", /02:00:00:00:00:99/);
  assert.equal(holder.strangerKnown(), true);
  announcer.calls.length = 0;
  clock.advance(2500);
  assert.deepEqual(announcer.calls.filter((call) => call.startsWith("probe")), [`probe ${V4}`, `probe ${V4}`]);
  clock.advance(1000);
  holder.granted([grant(clock, 60_000)]);
  assert.equal(kernel.answers(V4), true);
  holder.stop();
});

Deno.test("a claim from the member that held before is no stranger's", () => {
  const { clock, kernel, announcer, holder } = bench({ elsewhere: () => ({ atMs: 1050, graceMs: 200 }) });
  holder.start();
  announcer.onSighting({ ip: V4, mac: STRANGER });
  clock.advance(300);
  holder.granted([grant(clock)]);
  assert.equal(kernel.answers(V4), true);
  holder.stop();
});

Deno.test("a conflicting claim while held is counted and answered with an announcement", () => {
  const { clock, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 10_000)]);
  clock.advance(1500);
  announcer.calls.length = 0;
  announcer.onSighting({ ip: V4, mac: STRANGER });
  announcer.onSighting({ ip: V4, mac: STRANGER });
  assert.deepEqual(announcer.calls, [`announce ${V4}`]);
  assert.equal(holder.status()[0]?.conflictsSeen, 2);
  holder.stop();
});

Deno.test("without nftables the lifetime of the address ends the hold", () => {
  const { clock, kernel, holder } = bench();
  kernel.hasNftables = false;
  assert.equal(holder.start(), "lifetime");
  holder.granted([grant(clock)]);
  assert.deepEqual(kernel.addresses().map((address) => address.validSeconds), [1]);
  assert.equal(kernel.calls.some((call) => call.startsWith("allow")), false);
  holder.stop();
});

Deno.test("a guard that cannot be installed although there is nftables keeps the holder from starting, and says why", () => {
  const { kernel, holder } = bench();
  kernel.failing.add("install");
  assert.throws(() => holder.start(), /install failed on purpose/);
  holder.stop();
});

Deno.test("a kernel that refuses is tried again and says so once", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  kernel.failing.add("put");
  holder.granted([grant(clock, 10_000)]);
  assert.equal(kernel.answers(V4), false);
  kernel.failing.clear();
  holder.granted([grant(clock, 10_000)]);
  assert.equal(kernel.answers(V4), true);
  holder.stop();
});

Deno.test("stopping leaves the kernel as it was found", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock), grant(clock, 200, V6)]);
  holder.stop();
  holder.stop();
  assert.deepEqual(kernel.addresses(), []);
  assert.deepEqual(kernel.calls.at(-1), "uninstall");
  assert.deepEqual(announcer.calls.at(-1), "close");
  holder.granted([grant(clock)]);
  assert.equal(kernel.answers(V4), false);
});
