import { Scope } from "../../mod/net/netlink/rtnetlink.ts";
import assert from "node:assert/strict";
import { NetlinkAddressBook } from "../../mod/vip/netlink_book.ts";
import { privileged } from "../fakes/privileges.ts";
import { CabledMachine } from "./machine.ts";

/** The rest of the contract is in nft_permission_test.ts, which runs it on both halves of the kernel together. */
privileged("an address is never chosen as a source, and an IPv6 one is usable at once", async () => {
  const cabled = new CabledMachine();
  const book = new NetlinkAddressBook(cabled.routes);
  book.put("10.98.0.200", 32, cabled.link.index, 10);
  book.put("fd98::200", 128, cabled.link.index, 10);
  const listed = cabled.routes.addresses().filter((address) =>
    address.linkIndex === cabled.link.index && address.protocol === 0x76
  );
  assert.deepEqual(listed.map((address) => [address.ip, address.preferredSeconds]), [["10.98.0.200", 0], [
    "fd98::200",
    0,
  ]]);
  const tentative = 0x40;
  assert.equal(listed.every((address) => (address.flags & tentative) === 0), true);
  assert.equal(book.links().some((link) => link.name === "eth0" && link.running && link.operState === "up"), true);
  assert.deepEqual(book.defaultRoutes(), []);
  await cabled.close();
});

privileged("an address on the loopback link can be kept from other machines, or not", async () => {
  const cabled = new CabledMachine();
  const book = new NetlinkAddressBook(cabled.routes);
  const lo = cabled.routes.linkByName("lo")?.index ?? assert.fail("no lo");
  book.put("10.98.0.201", 32, lo, 10);
  book.put("10.98.0.202", 32, lo, 10, "host");
  book.put("fd98::202", 128, lo, 10, "host");
  const put = cabled.routes.addresses().filter((address) => address.protocol === 0x76);
  const scopes = Object.fromEntries(put.map(({ ip, scope }) => [ip, scope]));
  assert.deepEqual(scopes, { "10.98.0.201": Scope.UNIVERSE, "10.98.0.202": Scope.HOST, "fd98::202": Scope.UNIVERSE });
  assert.equal(book.remove("10.98.0.202", 32, lo), "removed");
  await cabled.close();
});
