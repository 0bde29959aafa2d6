import assert from "node:assert/strict";
import { Probes } from "../../mod/vip/probes.ts";

/** Every moment at which something was asked until `untilMs`, stepping from deadline to deadline. */
function moments(probes: Probes, untilMs: number, again: (ip: string) => boolean = () => false): string[] {
  const seen: string[] = [];
  let now = probes.nextDeadline();
  while (now !== null && now <= untilMs) {
    for (const ip of probes.take(now, again)) seen.push(`${ip} ${now}`);
    now = probes.nextDeadline();
  }
  return seen;
}

Deno.test("an address is asked for three times, close together", () => {
  const probes = new Probes();
  probes.begin("a", 1000);
  assert.deepEqual(moments(probes, 9000), ["a 1000", "a 1060", "a 1140"]);
  assert.equal(probes.nextDeadline(), null);
});

Deno.test("an address that has to be watched is asked for every second, until it need not be", () => {
  const probes = new Probes();
  probes.later("a", 1000);
  probes.begin("b", 1000);
  assert.deepEqual(moments(probes, 4000, (ip) => ip === "a"), [
    "b 1000",
    "b 1060",
    "b 1140",
    "a 2000",
    "a 3000",
    "a 4000",
  ]);
  probes.end("a");
  assert.equal(probes.nextDeadline(), null);
});

Deno.test("after a pause each address is asked for once", () => {
  const probes = new Probes();
  probes.begin("a", 1000);
  assert.deepEqual(probes.take(5000, () => false), ["a"]);
  assert.deepEqual(probes.take(5000, () => false), []);
});
