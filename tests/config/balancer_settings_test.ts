import assert from "node:assert/strict";
import { BALANCER, HTTP_LIMITS } from "../../mod/config/balancer_settings.ts";
import { Findings, Place } from "../../mod/config/findings.ts";
import { INVALID } from "../../mod/config/setting.ts";

Deno.test("the type of a balancer does not depend on case; unknown ones are refused by name", () => {
  const read = (given: string): [unknown, string] => {
    const findings = new Findings();
    const value = BALANCER.type.kind.fromText(given, new Place(findings, "type"));
    return [value, findings.problems[0]?.message ?? ""];
  };
  assert.deepEqual(read("tcp"), ["tcp", ""]);
  assert.deepEqual(read("HTTP"), ["http", ""]);
  assert.deepEqual(read("UDP"), ["udp", ""]);
  assert.equal(read("sctp")[0], INVALID);
  assert.match(read("sctp")[1], /^Unknown Load Balancer type/);
});

Deno.test("the limits of http balancers are settings of every balancer, so that their keys are known", () => {
  const keys = Object.values(BALANCER).map((one) => one.key);
  for (const limit of Object.values(HTTP_LIMITS)) assert.ok(keys.includes(limit.key), limit.key);
});
