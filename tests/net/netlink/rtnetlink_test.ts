import assert from "node:assert/strict";
import { addressFamily } from "../../../mod/net/netlink/rtnetlink.ts";

Deno.test("addressFamily() gives AF_INET and AF_INET6", () => {
  assert.deepEqual([addressFamily(4), addressFamily(6)], [2, 10]);
});
