import assert from "node:assert/strict";
import { parseIp } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";
import { LEASE, NODE, withNode, writes } from "./manager_fixture.ts";

const OWN = "10.98.0.50";

privileged(
  "a name that leads to this machine's own address takes it from nobody, and is held once it is free",
  async () => {
    const ip = parseIp(OWN);
    assert.ok(ip);
    const options = { env: { address: "vip.example" }, lookup: () => Promise.resolve([OWN]) };
    await withNode(options, async (node) => {
      const { routes, link } = node.cabled;
      const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: false, protocol: 0 };
      routes.putAddress({ ip, prefixLength: 24, linkIndex: link.index, ...forever });
      const here = (): number[] => routes.addresses().filter((one) => one.ip === OWN).map((one) => one.prefixLength);
      const read = node.api.request((request) => request.path === LEASE);
      await node.start();
      await read;
      await node.api.request((request) => request.path === "/livez");
      assert.deepEqual(here(), [24]);
      assert.match(node.agent.dump(), /Fit To Hold: false \(address "10.98.0.50": already belongs to this machine/);
      assert.equal(
        node.api.requests.some((request) => writes(request, NODE)),
        false,
        "an unfit node lets others go first",
      );
      routes.removeAddress(ip, 24, link.index);
      await node.until("answers", OWN);
      assert.deepEqual(here(), [32]);
      assert.equal(node.holder(), NODE);
    });
  },
);
