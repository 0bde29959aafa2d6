import assert from "node:assert/strict";
import { AnnouncedHolds } from "../../mod/agent/announced_holds.ts";
import type { Standing } from "../../mod/election/elector.ts";

function make(start: { standing: Standing; isHealthy: boolean }): { holds: AnnouncedHolds; said: () => string[] } {
  const said: string[] = [];
  const holds = new AnnouncedHolds({
    announce: (ip, owner, term) => void said.push(`announce ${ip} for ${owner}${term === 8 ? ", term 8" : ""}`),
    withdraw: (ip) => void said.push(`withdraw ${ip}`),
    drain: (ip) => void said.push(`drain ${ip}`),
  }, start);
  return { holds, said: () => said.splice(0) };
}

Deno.test("an elected holder's addresses are announced while they are held", () => {
  const { holds, said } = make({ standing: "serving", isHealthy: true });
  holds.held("10.0.0.9", 7);
  assert.deepEqual(said(), ["announce 10.0.0.9 for control-plane"]);
  holds.released("10.0.0.9");
  assert.deepEqual(said(), ["withdraw 10.0.0.9"]);
});

Deno.test("an address that is held is not announced before the node is known to be well", () => {
  const { holds, said } = make({ standing: "withdrawn", isHealthy: false });
  holds.held("10.0.0.9", 7);
  holds.standing("serving");
  assert.ok(said().every((line) => line.startsWith("withdraw")));
  holds.healthy(true);
  assert.deepEqual(said(), ["announce 10.0.0.9 for control-plane"]);
  assert.deepEqual(holds.announced(), ["10.0.0.9"]);
  holds.healthy(true);
  assert.deepEqual(said(), []);
  holds.healthy(false);
  assert.deepEqual(said(), ["withdraw 10.0.0.9"]);
  assert.deepEqual(holds.announced(), []);
});

Deno.test("a node that leaves drains its addresses and withdraws them; one that is released stays away", () => {
  const { holds, said } = make({ standing: "serving", isHealthy: true });
  holds.held("10.0.0.9", 7);
  holds.held("fd00::9", 7);
  said();
  holds.standing("draining");
  holds.standing("withdrawn");
  assert.deepEqual(said(), ["drain 10.0.0.9", "drain fd00::9", "withdraw 10.0.0.9", "withdraw fd00::9"]);
  holds.released("fd00::9");
  said();
  holds.standing("serving");
  assert.deepEqual(said(), ["announce 10.0.0.9 for control-plane"]);
});

Deno.test("an address that is merely kept is not announced, until it is stood for again", () => {
  const { holds, said } = make({ standing: "serving", isHealthy: true });
  holds.held("10.0.0.9", 7);
  holds.preserved("10.0.0.9");
  holds.standing("serving");
  assert.deepEqual(said(), ["announce 10.0.0.9 for control-plane", "withdraw 10.0.0.9", "withdraw 10.0.0.9"]);
  assert.deepEqual(holds.announced(), []);
  holds.resumed("10.0.0.9", 8);
  assert.deepEqual(said(), ["announce 10.0.0.9 for control-plane, term 8"]);
  holds.preserved("10.0.0.9");
  holds.released("10.0.0.9");
  said();
  holds.resumed("10.0.0.9", 8);
  assert.deepEqual(said(), []);
});
