import assert from "node:assert/strict";
import { addressLeaseName } from "../../mod/kube/address_lease.ts";

Deno.test("an address names its Lease, in letters that names of objects may have", () => {
  const rows: readonly [string, string][] = [
    ["192.168.0.40", "kube-vip-192.168.0.40"],
    ["fd00::40", "kube-vip-fd00--40"],
    ["FD00:0::40", "kube-vip-fd00--40"],
    ["fd00::", "kube-vip-fd00--0"],
    ["::1", "kube-vip---1"],
  ];
  for (const [address, name] of rows) {
    assert.equal(addressLeaseName(address), name);
    assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  }
  const texts = ["192.168.0.40", "fd00::40", "::1", "fd00::", "::", "fd00:0:0:1::", "2001:db8:1:2:3:4:5:6"];
  assert.equal(new Set(texts.map(addressLeaseName)).size, texts.length);
});
