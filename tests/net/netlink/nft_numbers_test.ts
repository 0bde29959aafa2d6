import assert from "node:assert/strict";
import { hooksOf } from "../../../mod/net/netlink/nft_numbers.ts";

Deno.test("hooks are numbered by family: ARP counts differently", () => {
  assert.deepEqual(["prerouting", "input", "forward", "output", "postrouting"], [...hooksOf("inet")]);
  assert.equal(hooksOf("ip6").indexOf("output"), 3);
  assert.deepEqual(["input", "output", "forward"], [...hooksOf("arp")]);
});
