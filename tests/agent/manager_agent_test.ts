import assert from "node:assert/strict";
import { CONTROL_SOCKET } from "../../mod/agent/control.ts";
import { ControlServer } from "../../mod/agent/control.ts";
import { privileged } from "../fakes/privileges.ts";
import { GRANT_MS, LEASE, leasePath, NODE, SECRET, V4, V6, withNode, writes } from "./manager_fixture.ts";

privileged("a node takes the Lease and answers for both addresses", () =>
  withNode({}, async (node) => {
    await node.start();
    for (const ip of [V4, V6]) await node.until("answers", ip);
    assert.equal(node.holder(), NODE);
    assert.deepEqual(node.present(), [V4, V6]);
  }));

privileged("a stranger's Lease keeps the node silent until it has run out", () =>
  withNode({}, async (node) => {
    node.occupy("stranger", 2);
    let seenMs = NaN;
    const seen = node.api.request((request) => {
      const isRead = request.verb === "get" && request.path === LEASE;
      if (isRead) seenMs = performance.now();
      return isRead;
    });
    const taken = node.api.request((request) => writes(request, NODE));
    await node.start();
    await seen;
    for (const ip of [V4, V6]) assert.equal(await node.cabled.answers(ip), false, ip);
    assert.equal(node.api.requests.some((request) => writes(request, NODE)), false);
    await taken;
    assert.ok(performance.now() - seenMs >= 1900, "taken before its time");
    for (const ip of [V4, V6]) await node.until("answers", ip);
    assert.equal(node.holder(), NODE);
  }));

privileged(
  "a stop takes the addresses off before it frees the Lease, and leaves nothing behind",
  () =>
    withNode({}, async (node) => {
      await node.start();
      for (const ip of [V4, V6]) await node.until("answers", ip);
      const socket = `${node.stateDir}/${CONTROL_SOCKET}`;
      assert.equal((await Deno.stat(socket)).isSocket, true);
      const atRelease: string[][] = [];
      const released = node.api.request((request) => {
        const isRelease = writes(request, "");
        if (isRelease) atRelease.push(node.present());
        return isRelease;
      });
      await Promise.all([node.agent.stop(), node.agent.stop(), released]);
      assert.deepEqual(atRelease, [[]]);
      assert.equal(node.holder(), "");
      assert.deepEqual(node.present(), []);
      assert.deepEqual(node.cabled.nft.tables(), []);
      await assert.rejects(Deno.stat(socket), Deno.errors.NotFound);
    }),
);

privileged(
  "a Lease that somebody deletes takes the addresses away at once, and they come back with a new one",
  () =>
    withNode({}, async (node) => {
      await node.start();
      await node.until("answers", V4);
      const atCreate: string[][] = [];
      const created = node.api.request((request) => {
        const isNew = request.verb === "create" && writes(request, NODE);
        if (isNew) atCreate.push(node.present());
        return isNew;
      });
      node.api.store.delete(leasePath());
      await created;
      assert.deepEqual(atCreate, [[]], "a new Lease is asked for with no address held by the old one");
      for (const ip of [V4, V6]) await node.until("answers", ip);
      assert.equal(node.holder(), NODE);
    }),
);

privileged(
  "an API server that hangs ends the hold with its grant; when it answers again the node is back",
  () =>
    withNode({}, async (node) => {
      await node.start();
      await node.until("answers", V4);
      node.api.freeze();
      const frozenMs = performance.now();
      await node.until("is silent", V4, GRANT_MS + 1500);
      assert.ok(performance.now() - frozenMs > 500, "a hang alone is no reason to let go");
      assert.deepEqual(node.present(), []);
      node.api.thaw();
      for (const ip of [V4, V6]) await node.until("answers", ip);
      assert.equal(node.holder(), NODE);
    }),
);

privileged(
  "a node whose API server is not well keeps the addresses while no other server is known to be",
  () =>
    withNode({}, async (node) => {
      await node.start();
      await node.until("answers", V4);
      const fault = node.api.fault({ kind: "status", status: 500 }, { path: "/livez" });
      while (!node.agent.dump().includes("Fit To Hold: false (the API server is not well")) {
        await node.api.request((request) => request.path === "/livez");
      }
      assert.ok(fault.hits >= 3);
      // Two renewals later a node that makes way would have made it.
      for (let renewals = 0; renewals < 2; renewals++) await node.api.request((request) => writes(request, NODE));
      for (const ip of [V4, V6]) assert.equal(await node.cabled.answers(ip), true, ip);
      assert.equal(node.api.requests.some((request) => writes(request, "")), false);
    }),
);

privileged("a name gives an address, and another one when its record changes", async () => {
  const given = { ips: ["10.98.0.201"] };
  const env = { address: `${V6},vip.example` };
  await withNode({ env, lookup: () => Promise.resolve(given.ips) }, async (node) => {
    await node.start();
    for (const ip of [V6, "10.98.0.201"]) await node.until("answers", ip);
    given.ips = [V4];
    await node.until("answers", V4);
    await node.until("is silent", "10.98.0.201");
    assert.equal(await node.cabled.answers(V6), true);
  });
});

privileged(
  "a name without an address keeps the node from the Lease",
  () =>
    withNode(
      { env: { address: "vip.example" }, lookup: () => Promise.reject(new Error("no such name")) },
      async (node) => {
        await node.start();
        for (let reads = 0; reads < 2; reads++) await node.api.request((request) => request.path === "/livez");
        assert.equal(node.api.requests.some((request) => writes(request, NODE)), false);
        assert.match(node.agent.dump(), /Fit To Hold: false \(the name of the address has not been found yet\)/);
      },
    ),
);

privileged("a start that cannot open the control socket takes everything back", () =>
  withNode({}, async (node) => {
    await Deno.mkdir(`${node.stateDir}/${CONTROL_SOCKET}/in the way`, { recursive: true });
    await assert.rejects(node.start(), /control socket/);
    assert.deepEqual(node.present(), []);
    assert.deepEqual(node.cabled.nft.tables(), []);
    assert.notEqual(node.holder(), NODE);
  }));

privileged("a start that finds the metrics port taken takes everything back", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const metrics = { host: "127.0.0.1", port: taken.addr.port };
  await withNode({ config: { metrics } }, async (node) => {
    await assert.rejects(node.start(), /prometheus_server/);
    assert.deepEqual(node.cabled.nft.tables(), []);
    assert.equal(node.holder(), null);
    // The state directory is free for the next one.
    await Deno.writeTextFile(`${node.stateDir}/agent.lock`, "");
    using lock = await Deno.open(`${node.stateDir}/agent.lock`, { write: true });
    assert.equal(lock.tryLockSync(true), true);
  });
  taken.close();
});

privileged(
  "a second node on the same state directory touches nothing",
  () =>
    withNode({}, (node) =>
      withNode({ config: { stateDir: node.stateDir } }, async (second) => {
        await node.start();
        await node.until("answers", V4);
        await assert.rejects(second.start(), /Another agent uses stateDir/);
        assert.equal(second.api.requests.length, 0);
        assert.equal(await node.cabled.answers(V4), true);
        await assert.rejects(
          ControlServer.start(`${node.stateDir}/${CONTROL_SOCKET}`, { status: never, transfer: never }),
        );
      })),
);

function never(): Promise<never> {
  return Promise.reject(new Error("nobody asks"));
}

privileged("the dump has upstream's sections and no secret", async () => {
  const env = {
    ["vip_peersecret"]: SECRET,
    ["control_plane_health_check_address"]: `http://admin:${SECRET}@127.0.0.1:1/`,
  };
  await withNode({ env }, async (node) => {
    await node.start();
    await node.until("answers", V4);
    const text = node.agent.dump();
    for (const title of ["BASIC CONFIGURATION", "LEADER ELECTION CONFIGURATION", "NFTABLES CONFIGURATION"]) {
      assert.ok(text.includes(`--- ${title} ---`), title);
    }
    assert.match(text, new RegExp(`Leader: ${NODE}\nLeading: true`));
    assert.match(text, /vip_peersecret: \*\*\* \(given\)/);
    assert.match(text, /health_check_address: \*\*\* \(given\)/);
    assert.ok(!text.includes(SECRET));
  });
});

privileged(
  "an abort leaves the kernel as it was found at once, and says nothing to anybody",
  () =>
    withNode({}, async (node) => {
      await node.start();
      await node.until("answers", V6);
      node.agent.abort();
      assert.deepEqual(node.present(), []);
      assert.deepEqual(node.cabled.nft.tables(), []);
      assert.equal(node.holder(), NODE);
    }),
);
