import assert from "node:assert/strict";
import { HostKernel } from "../../mod/agent/host_kernel.ts";
import { PeersAgent } from "../../mod/agent/peers_agent.ts";
import { loadPeersConfig } from "../../mod/config/load.ts";
import type { PeersConfig } from "../../mod/config/types.ts";
import { CONTROL_SOCKET } from "../../mod/agent/control.ts";
import { gratuitousReply } from "../../mod/net/arp.ts";
import { EtherType } from "../../mod/net/ethernet.ts";
import { parseMac } from "../../mod/net/mac.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { privileged } from "../fakes/privileges.ts";
import { address, CabledMachine } from "../vip/machine.ts";

const BUILD = { version: "test", commit: "none" };

const V4 = "10.98.0.200";
const V6 = "fd98::200";

function config(stateDir: string): PeersConfig {
  const text = [
    "localPeer: {id: only, address: 10.98.0.2, port: 10000}",
    `vip: ${V4},${V6}`,
    "gratuitousARP: true",
    "singleNode: true",
    "interface: eth0",
    `stateDir: ${stateDir}`,
  ].join("\n");
  const result = loadPeersConfig({ file: "test", text, env: {}, flags: {}, readText: () => "" });
  assert.equal(result.outcome, "valid");
  return result.config;
}

/** Packet sockets are opened before the first await of the start, and so inside. */
function startInside(agent: PeersAgent, cabled: CabledMachine): Promise<void> {
  const { started } = cabled.machine.run(() => ({ started: agent.start() }));
  return started;
}

/** A single node on a cabled machine, started. */
async function withAgent(
  run: (agent: PeersAgent, cabled: CabledMachine, stateDir: string) => Promise<void>,
): Promise<void> {
  const cabled = new CabledMachine();
  const stateDir = await Deno.makeTempDir();
  const kernel = cabled.machine.run(() => new HostKernel(systemClock));
  const placed = [{ ip: V4, prefixLength: 32, linkName: "eth0" }, { ip: V6, prefixLength: 128, linkName: "eth0" }];
  const agent = cabled.machine.run(() =>
    new PeersAgent({ config: config(stateDir), placed, kernel, clock: systemClock, build: BUILD, routing: null })
  );
  try {
    await run(agent, cabled, stateDir);
  } finally {
    await agent.stop();
    await cabled.close();
    await Deno.remove(stateDir, { recursive: true });
  }
}

privileged(
  "a single node answers for its addresses and, once stopped, leaves nothing behind",
  () =>
    withAgent(async (agent, cabled, stateDir) => {
      await startInside(agent, cabled);
      for (const ip of [V4, V6]) assert.equal(await cabled.answers(ip), true, ip);
      assert.equal((await Deno.stat(`${stateDir}/${CONTROL_SOCKET}`)).isSocket, true);
      await agent.stop();
      await agent.stop();
      for (const ip of [V4, V6]) assert.equal(await cabled.answers(ip), false, ip);
      assert.deepEqual(cabled.nft.tables(), []);
      await assert.rejects(Deno.stat(`${stateDir}/${CONTROL_SOCKET}`), Deno.errors.NotFound);
    }),
);

privileged(
  "an address that another machine answers for is refused, and taken when that machine is silent",
  () =>
    withAgent(async (agent, cabled) => {
      const mac = parseMac("02:00:00:00:00:99");
      assert.ok(mac);
      const stranger = cabled.listen(EtherType.arp);
      const watch = cabled.poller.watch(stranger.fd, () => {
        stranger.drain(() => void stranger.send(gratuitousReply(mac, address(V4))));
      });
      await startInside(agent, cabled);
      assert.equal(await cabled.answers(V4), false);
      assert.equal(await cabled.answers(V6), true);
      watch.stop();
      stranger.close();
      const endMs = performance.now() + 30_000;
      while (!(await cabled.answers(V4)) && performance.now() < endMs) { /* each question waits for silence */ }
      assert.equal(await cabled.answers(V4), true);
    }),
);

privileged(
  "a second agent on the same state touches nothing of the first",
  () =>
    withAgent(async (agent, cabled, stateDir) => {
      await startInside(agent, cabled);
      const kernel = cabled.machine.run(() => new HostKernel(systemClock));
      const placed = [{ ip: V4, prefixLength: 32, linkName: "eth0" }];
      const second = cabled.machine.run(() =>
        new PeersAgent({ config: config(stateDir), placed, kernel, clock: systemClock, build: BUILD, routing: null })
      );
      await assert.rejects(startInside(second, cabled), /Another agent uses stateDir/);
      assert.equal(cabled.nft.tables().length, 2);
      assert.equal(await cabled.answers(V4), true);
    }),
);

privileged("a start that fails takes everything back", () =>
  withAgent(async (agent, cabled, stateDir) => {
    await Deno.mkdir(`${stateDir}/${CONTROL_SOCKET}/in the way`, { recursive: true });
    await assert.rejects(startInside(agent, cabled), /control socket/);
    assert.equal(await cabled.answers(V4), false);
    assert.deepEqual(cabled.nft.tables(), []);
  }));

privileged("without addresses the kernel is left alone", () =>
  withAgent(async (_agent, cabled, stateDir) => {
    const kernel = cabled.machine.run(() => new HostKernel(systemClock));
    const options = {
      config: config(`${stateDir}/other`),
      placed: [],
      kernel,
      clock: systemClock,
      build: BUILD,
      routing: null,
    };
    const bare = cabled.machine.run(() => new PeersAgent(options));
    await startInside(bare, cabled);
    const tables = cabled.nft.tables();
    await bare.stop();
    assert.deepEqual(tables, []);
  }));
