import assert from "node:assert/strict";
import { Attempts } from "../../mod/vip/attempts.ts";
import { Contenders } from "../../mod/vip/contenders.ts";
import { FakeAnnouncer } from "../fakes/kernel.ts";

const IP = "10.0.0.9";
const SIGHTING = { ip: IP, mac: "02:00:00:00:00:99" };
const ABSENT = { held: false, ownMac: "" };

function bench(elsewhereMs: number | null = null): { contenders: Contenders; announcer: FakeAnnouncer } {
  const announcer = new FakeAnnouncer();
  const attempts = new Attempts(() => 0);
  const elsewhere = (): { atMs: number | null; graceMs: number } => ({ atMs: elsewhereMs, graceMs: 200 });
  return { contenders: new Contenders({ announcer, elsewhere, attempts }), announcer };
}

Deno.test("a stranger's address is refused and asked for every second, until the stranger is silent", () => {
  const { contenders, announcer } = bench();
  contenders.see(SIGHTING, 1000, ABSENT);
  assert.equal(contenders.isAny([IP], 1000), true);
  assert.equal(contenders.owner(IP), null, "nobody wanted it yet");
  assert.equal(contenders.refuses(IP, 1000), true);
  assert.equal(contenders.owner(IP), SIGHTING.mac);
  for (const now of [2000, 3000]) contenders.due(now, () => false);
  assert.deepEqual(announcer.calls, [`probe ${IP}`, `probe ${IP}`]);
  assert.equal(contenders.refuses(IP, 4001), false);
  assert.equal(contenders.owner(IP), null);
  contenders.due(5000, () => false);
  assert.equal(contenders.nextDeadline(), null);
});

Deno.test("what is held here is not asked for, and a member's claim is no stranger's", () => {
  const { contenders, announcer } = bench(900);
  contenders.ask(IP, 1000);
  contenders.due(1000, () => true);
  contenders.see(SIGHTING, 1000, ABSENT);
  assert.equal(contenders.refuses(IP, 1000), false);
  assert.deepEqual(announcer.calls, []);
});

Deno.test("nothing is kept of an address that is not managed any more", () => {
  const { contenders } = bench();
  contenders.see(SIGHTING, 1000, ABSENT);
  contenders.see(SIGHTING, 1000, { held: true, ownMac: "" });
  contenders.refuses(IP, 1000);
  contenders.forget(IP);
  assert.deepEqual([contenders.owner(IP), contenders.count(IP), contenders.nextDeadline()], [null, 0, null]);
  assert.equal(contenders.refuses(IP, 1000), false);
});

Deno.test("an address that has just come is asked for, and its latest grant waits meanwhile", () => {
  const { contenders } = bench();
  const grant = { scope: IP, epoch: 1, validUntil: 9000 };
  contenders.listen(IP, 1000);
  assert.equal(contenders.nextDeadline(), 1000);
  assert.equal(contenders.defers(grant, 1000), true);
  assert.equal(contenders.defers({ ...grant, validUntil: 9999 }, 1099), true);
  assert.deepEqual(contenders.ready(1099), []);
  contenders.due(1080, () => false);
  assert.equal(contenders.nextDeadline(), 1100);
  assert.equal(contenders.defers(grant, 1100), false);
  assert.deepEqual(contenders.ready(1100), [{ ...grant, validUntil: 9999 }]);
  assert.deepEqual(contenders.ready(1100), []);
  contenders.listen(IP, 2000);
  contenders.defers(grant, 2000);
  contenders.revoke(IP);
  assert.deepEqual(contenders.ready(2100), []);
});
