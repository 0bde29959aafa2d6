import assert from "node:assert/strict";
import { Links } from "../../mod/vip/links.ts";
import { Seats } from "../../mod/vip/seats.ts";
import type { PlacedVip } from "../../mod/vip/types.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel, fakeLink } from "../fakes/kernel.ts";

const A: PlacedVip = { ip: "10.0.0.9", prefixLength: 32, linkName: "eth0" };
const B: PlacedVip = { ip: "10.0.0.10", prefixLength: 32, linkName: "eth0" };
const C: PlacedVip = { ip: "10.0.0.11", prefixLength: 32, linkName: "eth1" };

function bench(vips: readonly PlacedVip[]): { seats: Seats; kernel: FakeKernel; links: Links } {
  const kernel = new FakeKernel(new VirtualClock(), [fakeLink(), fakeLink({ index: 3, name: "eth1" })]);
  const links = new Links({ names: vips.map((vip) => vip.linkName), book: kernel, announcer: null });
  links.adopt(0);
  return { seats: new Seats({ vips, book: kernel, links }), kernel, links };
}

Deno.test("lists are compared by address; another link, prefix or scope is a move", () => {
  const { seats } = bench([A, B]);
  const moves: Partial<PlacedVip>[] = [{ linkName: "eth1" }, { prefixLength: 24 }, { scope: "host" }];
  assert.deepEqual(seats.compare([{ ...B }, C]), { gone: [A.ip], moved: [], come: [C.ip] });
  for (const move of moves) assert.deepEqual(seats.compare([A, { ...B, ...move }]).moved, [B.ip]);
  assert.deepEqual(seats.compare([A, B, A]), { gone: [], moved: [], come: [] });
});

Deno.test("a former address is guarded until it is on no link, or managed again", () => {
  const { seats, kernel, links } = bench([A, B]);
  seats.put(A.ip, 10);
  seats.replace([C]);
  assert.deepEqual(seats.guarded.map((vip) => vip.ip), [C.ip, A.ip, B.ip]);
  assert.equal(seats.settle(), true);
  assert.deepEqual(seats.guarded.map((vip) => vip.ip), [C.ip, A.ip]);
  assert.equal(seats.settle(), false);
  assert.deepEqual(seats.present().map((address) => address.ip), [A.ip]);
  assert.deepEqual([links.has("eth0"), links.has("eth1")], [false, true]);
  seats.replace([C, A]);
  assert.deepEqual(seats.guarded.map((vip) => vip.ip), [C.ip, A.ip]);
  seats.replace([C]);
  kernel.remove(A.ip, 32, 2);
  assert.equal(seats.settle(), true);
  assert.deepEqual(seats.guarded, [C]);
});

Deno.test("an address is put on its own link, and not while that is missing", () => {
  const { seats, kernel, links } = bench([A, C]);
  seats.put(C.ip, 10);
  assert.deepEqual(kernel.addresses().map((address) => [address.ip, address.linkIndex]), [[C.ip, 3]]);
  assert.deepEqual([seats.isPut(C.ip), seats.isPut(A.ip), seats.isAnyPut], [true, false, true]);
  assert.deepEqual(seats.on(["eth1"]), [C.ip]);
  seats.remove(C.ip);
  assert.deepEqual([seats.isAnyPut, kernel.addresses().length], [false, 0]);
  links.removed("eth0", 0);
  seats.put(A.ip, 10);
  assert.equal(seats.isPut(A.ip), false);
});

Deno.test("an address is put back at once, and again after a while", () => {
  const { seats } = bench([A]);
  assert.equal(seats.mayRestore(A.ip, 1000), "now");
  assert.deepEqual(seats.mayRestore(A.ip, 1079), { afterMs: 80 });
  assert.equal(seats.mayRestore(A.ip, 1080), "now");
});
