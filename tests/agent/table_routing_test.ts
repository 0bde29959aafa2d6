/** A node in routing-table mode: its address and the route to it. */
import assert from "node:assert/strict";
import { vars } from "../config/manager/helpers.ts";
import { privileged } from "../fakes/privileges.ts";
import { type ManagedNode, V4, withNode } from "./manager_fixture.ts";

const LIMIT_MS = 15_000;
const ENV = { ...vars("vip_arp=false", "vip_routingtable=true"), address: V4 };

/** The links and protocols of the routes to the address in upstream's table. */
function routes(node: ManagedNode): string[] {
  return node.cabled.routes.routes({ table: 198 }).map(({ destination, prefixLength, protocol }) =>
    `${destination}/${prefixLength} ${protocol}`
  );
}

async function until(what: string, look: () => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!look()) {
    assert.ok(performance.now() < endMs, `${what}: not within ${LIMIT_MS} ms`);
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }
}

privileged(
  "a healthy node has the address and its route, an unhealthy one neither, and the route goes first",
  () =>
    withNode({ env: ENV }, async (node) => {
      await node.start();
      await until("the route", () => routes(node).length === 1);
      assert.deepEqual(routes(node), [`${V4}/32 248`]);
      assert.deepEqual(node.present(), [V4]);
      assert.equal(node.holder(), null);
      const broken = node.api.fault({ kind: "status", status: 500, reason: "InternalError" });
      await until("the route is gone", () => routes(node).length === 0);
      assert.deepEqual(node.present(), [V4]);
      await until("the address is gone", () => node.present().length === 0);
      broken.end();
      await until("both are back", () => routes(node).length === 1 && node.present().length === 1);
      await node.agent.stop();
      assert.deepEqual([routes(node), node.present()], [[], []]);
    }),
);

privileged(
  "a link that goes down and up takes the route along and gets it back",
  () =>
    withNode({ env: ENV }, async (node) => {
      await node.start();
      await until("the route", () => routes(node).length === 1);
      node.cabled.routes.setDown(node.cabled.link.index);
      await until("the route is gone", () => routes(node).length === 0);
      node.cabled.routes.setUp(node.cabled.link.index);
      await until("the route is back", () => routes(node).length === 1);
      await node.agent.stop();
    }),
);
