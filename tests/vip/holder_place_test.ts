import assert from "node:assert/strict";
import type { PlacedVip } from "../../mod/vip/types.ts";
import { fakeLink } from "../fakes/kernel.ts";
import { bench, grant, STRANGER, V4, V6 } from "./holder_kit.ts";

const OTHER = "10.0.0.10";
const ON_ETH0: PlacedVip = { ip: V4, prefixLength: 32, linkName: "eth0" };
const OTHER_ON_ETH0: PlacedVip = { ip: OTHER, prefixLength: 32, linkName: "eth0" };

Deno.test("an address that comes is guarded, asked for, and held once it is granted, while another goes on answering", () => {
  const { clock, kernel, announcer, holder, heard } = bench({ vips: [ON_ETH0] });
  holder.start();
  holder.granted([grant(clock, 10_000)]);
  clock.advance(500);
  holder.granted([grant(clock, 100, OTHER)]);
  assert.equal(kernel.answers(OTHER), false, "not managed yet");
  kernel.calls.length = announcer.calls.length = 0;
  holder.place([ON_ETH0, OTHER_ON_ETH0]);
  assert.deepEqual(kernel.calls, [`manage ${V4},${OTHER}`]);
  assert.deepEqual(announcer.calls, [`place ${V4},${OTHER}`, `probe ${OTHER}`]);
  assert.equal(kernel.answers(V4), true);
  holder.granted([grant(clock, 10_000, OTHER)]);
  assert.equal(kernel.answers(OTHER), false, "whoever has it has had no time to answer");
  clock.advance(100);
  assert.equal(kernel.answers(V4) && kernel.answers(OTHER), true);
  assert.deepEqual(heard, [`held ${V4}`, `held ${OTHER}`]);
  assert.deepEqual(holder.status().map((one) => one.ip), [V4, OTHER]);
  holder.stop();
  assert.deepEqual(kernel.addresses(), []);
  assert.equal(clock.pending, 0);
});

Deno.test("an address that goes is given back in order, then no longer guarded, and nothing of it is kept", () => {
  const { clock, kernel, announcer, holder, heard } = bench({ vips: [ON_ETH0, OTHER_ON_ETH0] });
  holder.start();
  holder.granted([grant(clock, 10_000), grant(clock, 10_000, OTHER)]);
  kernel.calls.length = 0;
  holder.place([OTHER_ON_ETH0]);
  assert.deepEqual([...new Set(kernel.calls)], [`deny ${V4}`, `remove ${V4}`, `manage ${OTHER}`]);
  assert.deepEqual(heard.at(-1), `released ${V4} answering`);
  assert.equal(kernel.answers(V4), false);
  assert.equal(kernel.answers(OTHER), true);
  holder.granted([grant(clock, 10_000)]);
  assert.equal(kernel.answers(V4), false);
  announcer.calls.length = 0;
  announcer.onSighting({ ip: V4, mac: STRANGER });
  clock.advance(2500);
  assert.equal(announcer.calls.some((call) => call.includes(V4)), false);
  assert.deepEqual(holder.status().map((one) => one.ip), [OTHER]);
  assert.equal(holder.strangerKnown(), false);
  holder.stop();
});

Deno.test("an address that goes and cannot be taken off the link stays guarded until it is gone from there", () => {
  const { clock, kernel, holder } = bench({ vips: [ON_ETH0, OTHER_ON_ETH0] });
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  kernel.failing.add("remove");
  holder.place([OTHER_ON_ETH0]);
  assert.equal(kernel.addresses().some((address) => address.ip === V4), true);
  assert.equal(kernel.answers(V4), false);
  assert.equal(kernel.calls.at(-1), `manage ${OTHER},${V4}`);
  kernel.failing.clear();
  clock.advance(2100);
  assert.deepEqual(kernel.addresses(), []);
  assert.equal(kernel.calls.at(-1), `manage ${OTHER}`);
  holder.stop();
});

Deno.test("an address that moves to another link is there at once, under the grant it has", () => {
  const { clock, kernel, announcer, holder } = bench({ vips: [ON_ETH0] });
  kernel.setLinks([fakeLink(), fakeLink({ index: 3, name: "eth1" })]);
  holder.start();
  holder.granted([grant(clock, 10_000)]);
  announcer.calls.length = 0;
  holder.place([{ ...ON_ETH0, linkName: "eth1", prefixLength: 24 }]);
  assert.deepEqual(
    kernel.addresses().map(({ ip, prefixLength, linkIndex }) => ({ ip, prefixLength, linkIndex })),
    [{ ip: V4, prefixLength: 24, linkIndex: 3 }],
  );
  assert.equal(kernel.answers(V4), true);
  assert.deepEqual(announcer.calls, [`place ${V4}`, "attach eth1", `announce ${V4}`]);
  holder.kernelEvent({ type: "link-removed", linkIndex: 2, name: "eth0" });
  clock.advance(1000);
  assert.equal(holder.unfit(), null, "eth0 matters no more");
  holder.stop();
});

Deno.test("while the kernel refuses to guard an address that came, it is put nowhere; then it is", () => {
  const { clock, kernel, announcer, holder } = bench({ vips: [ON_ETH0] });
  holder.start();
  for (const call of ["manage", "verify", "allow"]) kernel.failing.add(call);
  holder.place([ON_ETH0, OTHER_ON_ETH0]);
  announcer.calls.length = 0;
  holder.granted([grant(clock, 10_000, OTHER)]);
  clock.advance(300);
  assert.deepEqual(kernel.addresses(), []);
  assert.equal(announcer.calls.some((call) => call.startsWith("announce")), false);
  kernel.failing.clear();
  holder.granted([grant(clock, 10_000, OTHER)]);
  assert.equal(kernel.answers(OTHER), true);
  assert.equal(announcer.calls.at(-1), `announce ${OTHER}`);
  holder.stop();
});

Deno.test("addresses may be placed before the start, not be known at all yet, and the same ones change nothing", () => {
  const { clock, kernel, announcer, holder } = bench({ vips: [] });
  holder.start();
  assert.deepEqual(holder.status(), []);
  assert.equal(holder.unfit(), null);
  holder.place([ON_ETH0]);
  const before = [kernel.calls.length, announcer.calls.length];
  holder.place([{ ...ON_ETH0 }]);
  assert.deepEqual([kernel.calls.length, announcer.calls.length], before);
  clock.advance(100);
  holder.granted([grant(clock)]);
  assert.equal(kernel.answers(V4), true);
  holder.stop();
  holder.place([]);
  const unstarted = bench({ vips: [] });
  unstarted.holder.place([ON_ETH0]);
  unstarted.holder.start();
  unstarted.holder.granted([grant(unstarted.clock)]);
  assert.equal(unstarted.kernel.answers(V4), true);
  unstarted.holder.stop();
});

Deno.test("an address that comes and is a stranger's is refused, though it was granted at once", () => {
  const { clock, kernel, announcer, holder } = bench({ vips: [ON_ETH0] });
  holder.start();
  holder.place([ON_ETH0, OTHER_ON_ETH0]);
  holder.granted([grant(clock, 60_000, OTHER)]);
  clock.advance(2);
  announcer.onSighting({ ip: OTHER, mac: STRANGER });
  clock.advance(500);
  assert.equal(kernel.answers(OTHER), false);
  assert.match(holder.status()[1]?.conflict ?? "", /02:00:00:00:00:99/);
  holder.stop();
});

Deno.test("a grant that is revoked before it could be used is not used", () => {
  const { clock, kernel, holder, heard } = bench({ vips: [ON_ETH0] });
  holder.start();
  holder.place([ON_ETH0, OTHER_ON_ETH0]);
  holder.granted([grant(clock, 60_000, OTHER)]);
  holder.revoked([OTHER], "stopping");
  clock.advance(500);
  assert.deepEqual([kernel.answers(OTHER), heard], [false, []]);
  holder.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("without nftables addresses come and go as well", () => {
  const { clock, kernel, holder } = bench({ vips: [ON_ETH0] });
  kernel.hasNftables = false;
  holder.start();
  holder.place([OTHER_ON_ETH0]);
  clock.advance(100);
  holder.granted([grant(clock, 2000, OTHER)]);
  assert.deepEqual(kernel.addresses().map((address) => [address.ip, address.validSeconds]), [[OTHER, 2]]);
  assert.equal(kernel.calls.some((call) => call.startsWith("manage")), false);
  holder.stop();
});

Deno.test("with ownAll, what another program left on the link goes at the start, and when an address comes; not later", () => {
  for (const ownAll of [true, false]) {
    const { clock, kernel, holder } = bench({ vips: [ON_ETH0], ownAll });
    const left = { prefixLength: 24, protocol: 0, validSeconds: Infinity };
    kernel.setLinks([fakeLink(), fakeLink({ index: 3, name: "eth1" })]);
    for (const ip of [V4, OTHER, V6]) kernel.foreignAddress({ ...left, ip, linkIndex: 2 });
    kernel.foreignAddress({ ...left, ip: V4, linkIndex: 3 });
    const present = (): string[] => kernel.addresses().map((address) => `${address.ip}@${address.linkIndex}`);
    holder.start();
    assert.deepEqual(present(), [...(ownAll ? [] : [`${V4}@2`]), `${OTHER}@2`, `${V6}@2`, `${V4}@3`]);
    holder.place([ON_ETH0, OTHER_ON_ETH0]);
    assert.deepEqual(present(), [...(ownAll ? [] : [`${V4}@2`, `${OTHER}@2`]), `${V6}@2`, `${V4}@3`]);
    kernel.foreignAddress({ ...left, ip: OTHER, linkIndex: 2 });
    clock.advance(2500);
    assert.equal(present().includes(`${OTHER}@2`), true);
    holder.stop();
  }
});
