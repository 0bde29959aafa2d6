import assert from "node:assert/strict";
import type { Ip } from "../../../mod/net/ip.ts";
import { privileged } from "../../fakes/privileges.ts";
import { BACKENDS, type BalanceNetwork, CLIENT, VIP, withBalanceNetwork } from "./network.ts";
import { balance, Protocol, type Service, TABLE, type Target } from "./rules.ts";
import { ask, askUdp, dial, greeting, TcpBackend, UdpBackend } from "./traffic.ts";

const PORT = 8080;

function ipOf(number: number, family: 4 | 6): Ip {
  return (BACKENDS[number] ?? assert.fail())[family];
}

/** Two backends of TCP for as long as `body` runs. */
async function withTcp(
  { backends }: BalanceNetwork,
  family: 4 | 6,
  body: (targets: readonly [Target, Target], servers: readonly TcpBackend[]) => Promise<void>,
): Promise<void> {
  const servers = backends.map((namespace, number) => new TcpBackend(namespace, ipOf(number, family), number));
  const target = (number: number): Target => ({ ip: ipOf(number, family), port: servers[number]?.port ?? 0 });
  try {
    await body([target(0), target(1)], servers);
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

function tcp(family: 4 | 6, by: Service["by"], slots: readonly Target[]): Service {
  return { vip: VIP[family], protocol: Protocol.tcp, port: PORT, by, slots };
}

for (const family of [4, 6] as const) {
  privileged(
    `TCP over IPv${family} is shared 1 to 3, from the client and from the node itself, masqueraded`,
    () =>
      withBalanceNetwork((network) =>
        withTcp(network, family, async ([first, second], servers) => {
          const { client, node, nft } = network;
          nft.commit(balance([tcp(family, "inc", [first, second, second, second])]));
          const to = { ip: VIP[family], port: PORT };
          assert.deepEqual(await ask(client, to, 40), [10, 30]);
          assert.ok(servers.every((server) => !server.clients.includes(CLIENT[family].text)), "masqueraded");
          assert.deepEqual(await ask(node, to, 20), [5, 15], "hairpin from the node");
          const [counter] = nft.counters(TABLE);
          assert.deepEqual([counter?.counter, counter?.packets], ["connections", 60]);
        })
      ),
  );

  privileged(`UDP over IPv${family} is shared 1 to 3`, () =>
    withBalanceNetwork(({ client, node, backends, nft }) => {
      const servers = backends.map((namespace, number) => new UdpBackend(namespace, ipOf(number, family), number));
      const [first, second] = servers.map(({ socket, number }) => ({ ip: ipOf(number, family), port: socket.port }));
      assert.ok(first && second);
      const slots = [first, second, second, second];
      const to = { ip: VIP[family], port: PORT };
      nft.commit(balance([{ vip: to.ip, port: PORT, protocol: Protocol.udp, by: "inc", slots }]));
      for (const from of [{ namespace: client, ip: CLIENT[family] }, { namespace: node, ip: VIP[family] }]) {
        const answers = Array.from({ length: 40 }, () => askUdp(from, to, servers));
        assert.equal(answers.filter((answer) => answer === 0).length, 10);
        assert.equal(answers.filter((answer) => answer === 1).length, 30);
      }
      for (const { socket } of servers) socket.close();
      return Promise.resolve();
    }));
}

privileged(
  "numgen random comes within 5 % of 1 to 3",
  () =>
    withBalanceNetwork((network) =>
      withTcp(network, 4, async ([first, second]) => {
        network.nft.commit(balance([tcp(4, "random", [first, second, second, second])]));
        const count = 2000;
        const [got = 0] = await ask(network.client, { ip: VIP[4], port: PORT }, count);
        // Five standard deviations of a fair draw are 97 of 2000, 4.8 %.
        assert.ok(Math.abs(got - count / 4) < count * 0.05, `${got} of ${count}`);
      })
    ),
);

privileged(
  "jhash keeps a client with its backend, and spreads clients",
  () =>
    withBalanceNetwork((network) =>
      withTcp(network, 4, async ([first, second]) => {
        network.nft.commit(balance([tcp(4, "source", [first, second])]));
        const to = { ip: VIP[4], port: PORT };
        const first20 = await ask(network.client, to, 20);
        assert.equal(first20.filter((count) => count > 0).length, 1, "one client, one backend");
        const conn = await dial(network.client, to.ip, to.port);
        assert.equal(await greeting(conn), first20.findIndex((count) => count > 0));
        conn.close();
      })
    ),
);
