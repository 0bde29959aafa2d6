import assert from "node:assert/strict";
import { deleteTable } from "../../../mod/net/netlink/nftables.ts";
import { privileged } from "../../fakes/privileges.ts";
import { address, CLIENT, VIP, withBalanceNetwork } from "./network.ts";
import { balance, Protocol, TABLE } from "./rules.ts";
import { PORT, tcp, withTcp, withUdp } from "./services.ts";
import { ask, askUdp, dial, greeting } from "./traffic.ts";

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
          const [known] = nft.elements({ ...TABLE, set: `known${family}` });
          assert.ok((known?.counted?.packets ?? 0) > 60, "each packet to the service is looked up");
        })
      ),
  );

  privileged(
    `UDP over IPv${family} is shared 1 to 3`,
    () =>
      withBalanceNetwork((network) =>
        withUdp(network, family, ([first, second], servers) => {
          const slots = [first, second, second, second];
          const to = { ip: VIP[family], port: PORT };
          network.nft.commit(balance([{ vip: to.ip, port: PORT, protocol: Protocol.udp, by: "inc", slots }]));
          const client = { namespace: network.client, ip: CLIENT[family] };
          for (const from of [client, { namespace: network.node, ip: VIP[family] }]) {
            const ips = Array.from({ length: 40 }, () => from.ip);
            const answers = askUdp({ ...from, ips }, to, servers);
            assert.equal(answers.filter((answer) => answer === 0).length, 10);
            assert.equal(answers.filter((answer) => answer === 1).length, 30);
          }
        })
      ),
  );
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
  "jhash keeps a client with its backend, also after the rules were written anew",
  () =>
    withBalanceNetwork((network) =>
      withTcp(network, 4, async ([first, second]) => {
        const to = { ip: VIP[4], port: PORT };
        const rules = balance([tcp(4, "source", [first, second])]);
        network.nft.commit(rules);
        const before = await ask(network.client, to, 20);
        assert.equal(before.filter((count) => count > 0).length, 1, "one client, one backend");
        network.nft.commit([deleteTable(TABLE), ...rules]);
        const conn = await dial(network.client, to.ip, to.port);
        assert.equal(await greeting(conn), before.findIndex((count) => count > 0));
        conn.close();
      })
    ),
);

for (const family of [4, 6] as const) {
  privileged(
    `jhash spreads clients of IPv${family}`,
    () =>
      withBalanceNetwork((network) =>
        withUdp(network, family, (slots, servers) => {
          const to = { ip: VIP[family], port: PORT };
          network.nft.commit(balance([{ vip: to.ip, port: PORT, protocol: Protocol.udp, by: "source", slots }]));
          const ips = Array.from(
            { length: 60 },
            (_, n) => address(`${family === 4 ? "10.90.0." : "fd90::a:"}${n + 10}`),
          );
          network.addClients(ips);
          const answers = askUdp({ namespace: network.client, ips }, to, servers);
          const first = answers.filter((answer) => answer === 0).length;
          assert.ok(first > 15 && first < 45, `${first} of 60`);
          assert.deepEqual(askUdp({ namespace: network.client, ips }, to, servers), answers);
        })
      ),
  );
}
