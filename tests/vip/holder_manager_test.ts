/** What only the manager asks of a holder. */
import assert from "node:assert/strict";
import type { PlacedVip } from "../../mod/vip/types.ts";
import { fakeLink } from "../fakes/kernel.ts";
import { bench, grant, STRANGER, V4, V6 } from "./holder_kit.ts";

const LO = fakeLink({ index: 1, name: "lo", mac: new Uint8Array(6), loopback: true });

Deno.test("an address under a preserved grant stays and answers, without announcements", () => {
  const { clock, kernel, announcer, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock, 2000)]);
  clock.advance(1500);
  announcer.calls.length = 0;
  holder.granted([{ ...grant(clock, 60_000), preserved: true }]);
  assert.equal(holder.status()[0]?.preserved, true);
  kernel.remove(V4, 32, 2);
  holder.kernelEvent({ type: "address-removed", ip: V4, linkIndex: 2 });
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ running: false }) });
  holder.kernelEvent({ type: "link-changed", link: fakeLink() });
  clock.advance(20_000);
  holder.granted([{ ...grant(clock, 60_000), preserved: true }]);
  assert.equal(kernel.answers(V4), true);
  assert.equal(announcer.calls.some((call) => call.startsWith("announce")), false);
  assert.deepEqual(heard, [`held ${V4}`, `preserved ${V4}`]);
  holder.revoked([V4], "lease-lost");
  assert.equal(kernel.answers(V4), false);
  assert.equal(heard.at(-1), `released ${V4} answering`);
  holder.stop();
});

Deno.test("an address under a preserved grant goes as soon as another machine claims it, and does not come back", () => {
  const { clock, kernel, announcer, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock, 2000)]);
  holder.granted([{ ...grant(clock, 60_000), preserved: true }]);
  announcer.calls.length = 0;
  announcer.onSighting({ ip: V4, mac: STRANGER });
  assert.equal(kernel.answers(V4), false);
  assert.deepEqual(kernel.addresses(), []);
  assert.equal(holder.status()[0]?.conflictsSeen, 1);
  assert.equal(heard.at(-1), `released ${V4} answering`);
  // The election does not see the other, or not yet.
  for (let turn = 0; turn < 10; turn++) {
    clock.advance(500);
    holder.granted([{ ...grant(clock, 60_000), preserved: true }]);
  }
  assert.equal(kernel.answers(V4), false);
  assert.deepEqual(kernel.addresses(), []);
  assert.equal(announcer.calls.some((call) => call.startsWith("announce")), false);
  holder.stop();
});

Deno.test("an address that is stood for again is announced again, at once", () => {
  const { clock, announcer, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  holder.granted([{ ...grant(clock, 60_000), preserved: true }]);
  clock.advance(5000);
  announcer.calls.length = 0;
  holder.granted([grant(clock, 60_000)]);
  assert.deepEqual(announcer.calls, [`announce ${V4}`]);
  assert.equal(holder.status()[0]?.preserved, undefined);
  assert.deepEqual(heard, [`held ${V4}`, `preserved ${V4}`, `resumed ${V4}`], "it was held all the time");
  holder.stop();
});

Deno.test("a preserved grant takes no address after a pause: somebody else may have it", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  holder.granted([{ ...grant(clock), preserved: true }]);
  assert.deepEqual(kernel.addresses(), []);
  holder.granted([grant(clock)]);
  clock.advance(1200);
  holder.granted([{ ...grant(clock), preserved: true }]);
  assert.deepEqual(kernel.addresses(), []);
  holder.stop();
});

Deno.test("a preserved grant that comes when the time has run out puts the address back, quietly", () => {
  const { clock, kernel, announcer, holder, heard } = bench();
  holder.start();
  holder.granted([grant(clock)]);
  clock.advance(200);
  assert.equal(kernel.answers(V4), false);
  announcer.calls.length = 0;
  holder.granted([{ ...grant(clock, 10_000), preserved: true }]);
  clock.advance(5000);
  assert.equal(kernel.answers(V4), true);
  assert.deepEqual(announcer.calls, []);
  assert.equal(heard.at(-1), `held ${V4}`);
  holder.stop();
});

Deno.test("on a loopback link an address has host scope unless it is said otherwise, and nothing is complained about", () => {
  for (const scope of [undefined, "global", "host"] as const) {
    const vip: PlacedVip = { ip: V4, prefixLength: 32, linkName: "lo", ...(scope === undefined ? {} : { scope }) };
    const { clock, kernel, announcer, holder, announced } = bench({ vips: [vip] });
    kernel.setLinks([LO, fakeLink()]);
    announcer.refusing.add(V4);
    holder.start();
    holder.granted([grant(clock, 10_000)]);
    assert.equal(kernel.calls.at(-1), scope === "global" ? `put ${V4}` : `put ${V4} host`);
    assert.equal(kernel.answers(V4), true);
    assert.deepEqual(announced, [`${V4} after 0 ms`]);
    clock.advance(1000);
    assert.equal(holder.unfit(), null);
    holder.stop();
  }
});

Deno.test("how long a link may be down before the machine is unfit can be said", () => {
  const { clock, holder } = bench({ unfitAfterMs: 30_000 });
  holder.start();
  holder.kernelEvent({ type: "link-changed", link: fakeLink({ running: false }) });
  clock.advance(30_000);
  assert.equal(holder.unfit(), null);
  clock.advance(1);
  assert.match(holder.unfit() ?? "", /^eth0 has no carrier or is down/);
  holder.stop();
});

Deno.test("a link that may be down makes nobody unfit and gets the address; one that is missing does", () => {
  const { clock, kernel, announcer, holder } = bench({ allowInterfaceNotUp: true });
  kernel.setLinks([fakeLink({ up: false, running: false })]);
  announcer.refusing.add(V4);
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(5000);
  assert.equal(holder.unfit(), null);
  assert.equal(kernel.answers(V4), true);
  kernel.setLinks([]);
  holder.kernelEvent({ type: "link-removed", linkIndex: 2, name: "eth0" });
  clock.advance(501);
  assert.match(holder.unfit() ?? "", /^eth0 does not exist/);
  holder.stop();
});

Deno.test("a take-over lasts from the grant until the network has been told", () => {
  const { clock, announcer, holder, announced } = bench();
  holder.start();
  announcer.refusing.add(V4);
  holder.granted([grant(clock, 60_000), grant(clock, 60_000, V6)]);
  clock.advance(60);
  announcer.refusing.clear();
  clock.advance(90);
  assert.deepEqual(announced, [`${V6} after 0 ms`, `${V4} after 150 ms`]);
  assert.deepEqual(holder.status().map((one) => one.takeoverMs), [150, 0]);
  holder.revoked([V4], "transfer");
  assert.equal(holder.status()[0]?.takeoverMs, 150, "the latest stays known");
  holder.granted([grant(clock, 60_000)]);
  assert.equal(holder.status()[0]?.takeoverMs, 0);
  holder.stop();
});

Deno.test("without announcements a take-over ends with the address on its link", () => {
  const { clock, kernel, holder } = bench({ announcer: null });
  holder.start();
  kernel.failing.add("put");
  holder.granted([grant(clock, 60_000)]);
  assert.equal(holder.status()[0]?.takeoverMs, undefined);
  clock.advance(700);
  kernel.failing.clear();
  holder.granted([grant(clock, 60_000)]);
  assert.equal(holder.status()[0]?.takeoverMs, 700);
  holder.stop();
});

Deno.test("a link that comes up after the start is asked once more who has the addresses", () => {
  const { clock, kernel, announcer, holder } = bench();
  kernel.setLinks([fakeLink({ running: false })]);
  holder.start();
  clock.advance(1000);
  announcer.calls.length = 0;
  holder.kernelEvent({ type: "link-changed", link: fakeLink() });
  clock.advance(200);
  assert.equal(announcer.calls.filter((call) => call === `probe ${V4}`).length, 3);
  announcer.onSighting({ ip: V4, mac: STRANGER });
  clock.advance(250);
  holder.granted([grant(clock)]);
  assert.equal(kernel.answers(V4), false);
  holder.stop();
});
