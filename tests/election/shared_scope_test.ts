import assert from "node:assert/strict";
import type { GrantSink } from "../../mod/election/elector.ts";
import { SharedScope } from "../../mod/election/shared_scope.ts";

const GRANT = { scope: "control-plane", epoch: 3, validUntil: 500 };

function recorder(): { readonly log: string[]; readonly sink: GrantSink } {
  const log: string[] = [];
  return {
    log,
    sink: {
      granted: (grants) => void log.push(`+ ${grants.map((one) => `${one.scope}@${one.validUntil}`).join(" ")}`),
      revoked: (scopes, reason) => void log.push(`- ${scopes.join(" ")} ${reason}`),
    },
  };
}

Deno.test("a grant is one for every address of the moment, and its end takes all of them", () => {
  const { log, sink } = recorder();
  let addresses = ["192.0.2.1", "2001:db8::1"];
  const scope = new SharedScope(sink, () => addresses);
  scope.revoked(["control-plane"], "deposed");
  scope.granted([GRANT]);
  addresses = ["192.0.2.1", "192.0.2.2"];
  scope.granted([{ ...GRANT, validUntil: 700 }]);
  scope.revoked(["control-plane"], "stopping");
  scope.revoked(["control-plane"], "stopping");
  scope.granted([]);
  assert.deepEqual(log, [
    "+ 192.0.2.1@500 2001:db8::1@500",
    "- 2001:db8::1 reassigned",
    "+ 192.0.2.1@700 192.0.2.2@700",
    "- 192.0.2.1 192.0.2.2 stopping",
  ]);
});
