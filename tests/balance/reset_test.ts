import assert from "node:assert/strict";
import { createBalancer } from "../../mod/balance/create.ts";
import type { Balancer } from "../../mod/balance/balancer.ts";
import { connectionResetter } from "../../mod/linux/reset_connections.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { Backend, eventually, portOf, RawConn, tcpConfig } from "./kit.ts";

/** How a connection ended that was not read for a while. */
async function endOf(client: RawConn): Promise<string> {
  try {
    while (await client.read() !== null);
    return "end";
  } catch (error) {
    return error instanceof Error ? error.name : "unknown";
  } finally {
    client.close();
  }
}

const ENDINGS: readonly [string, (balancer: Balancer) => Promise<void>][] = [
  ["a release", (balancer) => Promise.resolve(balancer.release("127.0.0.1"))],
  ["a stop", (balancer) => balancer.stop()],
];

for (const [name, end] of ENDINGS) {
  Deno.test(`${name} resets clients that do not read, with the kernel's help`, async () => {
    const block = new Uint8Array(1024 * 1024);
    const backend = new Backend(async (conn) => {
      for (;;) await conn.sendBytes(block);
    });
    const deps = { clock: systemClock, random: () => 0, resetter: connectionResetter };
    const balancer = createBalancer(tcpConfig([backend.port], { bindToVip: true }), deps);
    await balancer.start();
    balancer.bind("127.0.0.1");
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawConn.connect(portOf(balancer))));
    for (const client of clients) await client.read();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await end(balancer);
    await eventually(() => balancer.status().connections === 0, "no session is left");
    assert.deepEqual([...new Set(await Promise.all(clients.map(endOf)))], ["ConnectionReset"]);
    await balancer.stop();
    await backend.close();
  });
}
