import assert from "node:assert/strict";
import { collide, type Rival, survivor } from "../../mod/bgp/collision.ts";

const HIGHER = { localAs: 65000, localId: "200.0.0.2", remoteAs: 65001, remoteId: "10.0.0.1" };
const LOWER = { localAs: 65000, localId: "10.0.0.1", remoteAs: 65001, remoteId: "10.0.1.0" };

Deno.test("the connection of the higher identifier stays, of the higher AS if they are equal (RFC 4271 §6.8, RFC 6286 §2.3)", () => {
  assert.equal(survivor(HIGHER), "us");
  assert.equal(survivor(LOWER), "them");
  assert.equal(survivor({ ...LOWER, remoteId: "10.0.0.1" }), "them");
  assert.equal(survivor({ ...LOWER, remoteId: "10.0.0.1", localAs: 65002 }), "us");
});

Deno.test("an OPEN on a second connection decides by the state of the first", () => {
  const rival = (state: Rival["state"], isOlder = false, restarts = false): Rival => ({ state, isOlder, restarts });
  const cases: readonly [string, Parameters<typeof collide>, ReturnType<typeof collide>][] = [
    ["OpenSent", ["us", rival("open-sent"), { speakers: HIGHER }], "both-go-on"],
    ["OpenConfirm, ours is better", ["us", rival("open-confirm"), { speakers: HIGHER }], "rival-loses"],
    ["OpenConfirm, theirs is worse", ["them", rival("open-confirm"), { speakers: HIGHER }], "this-loses"],
    ["OpenConfirm, theirs is better", ["them", rival("open-confirm"), { speakers: LOWER }], "rival-loses"],
    ["OpenConfirm, ours is worse", ["us", rival("open-confirm"), { speakers: LOWER }], "this-loses"],
    ["Established stays", ["them", rival("established"), { speakers: LOWER }], "this-loses"],
    ["Established before", ["them", rival("established", true), { speakers: LOWER }], "this-loses"],
    ["RFC 4724 §5: restarted", ["them", rival("established", true, true), { speakers: HIGHER }], "rival-is-stale"],
    ["begun before it was up", ["them", rival("established", false, true), { speakers: HIGHER }], "this-loses"],
    ["our own does not replace it", ["us", rival("established", true, true), { speakers: HIGHER }], "this-loses"],
  ];
  for (const [what, args, wanted] of cases) assert.equal(collide(...args), wanted, what);
});
