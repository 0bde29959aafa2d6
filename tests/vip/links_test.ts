import assert from "node:assert/strict";
import type { Link } from "../../mod/vip/kernel.ts";
import { Links } from "../../mod/vip/links.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeAnnouncer, FakeKernel, fakeLink } from "../fakes/kernel.ts";

const ETH1 = fakeLink({ index: 3, name: "eth1" });

function bench(present: Link[]): { links: Links; kernel: FakeKernel; announcer: FakeAnnouncer } {
  const kernel = new FakeKernel(new VirtualClock(), present);
  const announcer = new FakeAnnouncer();
  return { links: new Links({ names: ["eth0", "eth1"], book: kernel, announcer }), kernel, announcer };
}

Deno.test("a link is renewed by its first sight, its carrier, another index and another hardware address", () => {
  const { links } = bench([]);
  const rows: [Partial<Link>, string][] = [
    [{}, "renewed"],
    [{}, "unchanged"],
    [{ running: false }, "unusable"],
    [{}, "renewed"],
    [{ index: 9 }, "renewed"],
    [{ index: 9, mac: Uint8Array.of(2, 0, 0, 0, 0, 7) }, "renewed"],
    [{ index: 9, mac: Uint8Array.of(2, 0, 0, 0, 0, 7) }, "unchanged"],
    [{ up: false, running: false }, "unusable"],
  ];
  for (const [change, outcome] of rows) assert.equal(links.changed(fakeLink(change), 0), outcome);
});

Deno.test("one link that cannot be attached keeps no other from it, and is tried again", () => {
  const { links, announcer } = bench([fakeLink(), ETH1]);
  announcer.failing.add("eth0");
  assert.throws(() => links.adopt(0), /eth0/);
  assert.equal(links.get("eth1")?.index, 3);
  assert.deepEqual(announcer.calls, ["attach eth1"]);
  assert.equal(links.isRetryDue(999), false);
  assert.equal(links.isRetryDue(1000), true);
  announcer.failing.clear();
  assert.deepEqual(links.adopt(1000), ["eth0"]);
  assert.equal(links.isRetryDue(9000), false);
});

Deno.test("a fault is one that lasts, and says which link", () => {
  const { links, kernel } = bench([fakeLink()]);
  links.adopt(1000);
  assert.equal(links.fault(1400, 500), null);
  assert.equal(links.fault(1501, 500), "eth1 does not exist");
  kernel.setLinks([fakeLink({ running: false }), ETH1]);
  links.adopt(2000);
  links.changed(fakeLink({ running: false }), 2300);
  assert.equal(links.fault(2501, 500), "eth0 has no carrier or is down");
  links.changed(fakeLink(), 2600);
  assert.equal(links.fault(9000, 500), null);
  links.removed("eth1", 9000);
  assert.equal(links.get("eth1"), null);
  assert.equal(links.fault(9501, 500), "eth1 does not exist");
});

Deno.test("links that matter can change, and what does not matter is no fault", () => {
  const { links, announcer } = bench([fakeLink(), ETH1]);
  links.place(["eth0"]);
  links.adopt(1000);
  assert.deepEqual([links.has("eth1"), announcer.calls], [false, ["attach eth0"]]);
  links.removed("eth0", 1000);
  links.place(["eth1"]);
  assert.equal(links.isRetryDue(2000), true, "eth1 was never looked at");
  assert.deepEqual(links.adopt(2000), ["eth1"]);
  assert.equal(links.fault(9000, 500), null);
  assert.equal(links.get("eth0"), null);
});

Deno.test("a link that may be down is no fault, one that is missing is", () => {
  const { links } = bench([fakeLink({ up: false, running: false })]);
  links.place(["eth0"]);
  links.adopt(1000);
  assert.equal(links.fault(2000, 500, "down"), null);
  assert.equal(links.fault(2000, 500), "eth0 has no carrier or is down");
  links.removed("eth0", 2000);
  assert.equal(links.fault(3000, 500, "down"), "eth0 does not exist");
});
