import assert from "node:assert/strict";
import { capabilitiesOf, examine } from "../../mod/agent/doctor.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { GUARD_TABLE } from "../../mod/vip/guard.ts";
import { privileged } from "../fakes/privileges.ts";

Deno.test("capabilities are read from the kernel's own words", () => {
  assert.equal(capabilitiesOf("Name:\tx\nCapEff:\t00000000a80425fb\nCapBnd:\t0\n"), 0xa80425fbn);
  assert.equal(capabilitiesOf("Name:\tx\n"), 0n);
});

privileged("a look at the machine tries what it says works, and leaves nothing behind", () => {
  const namespace = Namespace.create();
  try {
    const { found, chains } = namespace.run(() => {
      const found = examine(null);
      const nft = new NftSocket();
      const chains = nft.chains({ family: "ip", table: GUARD_TABLE });
      nft.close();
      return { found, chains };
    });
    const verdicts = new Map(found.map(({ subject, verdict }) => [subject, verdict]));
    for (const subject of ["CAP_NET_ADMIN", "kernel ends the hold", "engine kernel", "engine user"]) {
      assert.equal(verdicts.get(subject), "fine", JSON.stringify(found));
    }
    assert.deepEqual(chains, []);
  } finally {
    namespace.close();
  }
});
