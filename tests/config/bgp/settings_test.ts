import assert from "node:assert/strict";
import { BGP_CONFIG, BGP_ENABLED, BGP_FIELDS, START_BGP_GROUP } from "../../../mod/config/bgp/settings.ts";
import { MANAGER } from "../../../mod/config/manager/settings.ts";
import { START } from "../../../mod/config/settings.ts";

Deno.test("both commands have the same settings of BGP, under the same names", () => {
  assert.equal(MANAGER.bgp.enabled, START.enableBgp);
  assert.equal(MANAGER.bgpConfig, BGP_CONFIG);
  assert.deepEqual(START_BGP_GROUP.fields, BGP_FIELDS);
  for (const setting of [BGP_ENABLED, ...BGP_FIELDS, ...Object.values(BGP_CONFIG.peer)]) {
    assert.deepEqual([setting.commands, setting.standing.is], [["start", "manager", "service"], "used"], setting.key);
  }
});

Deno.test("only the password itself is a secret, not the file that holds it", () => {
  assert.deepEqual([BGP_CONFIG.peer.password.secret, BGP_CONFIG.passwordFile.secret], [true, false]);
});
