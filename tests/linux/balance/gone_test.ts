/** A backend that is gone: what becomes of its connections. */
import assert from "node:assert/strict";
import { ConntrackSocket } from "../../../mod/linux/conntrack_socket.ts";
import type { Namespace } from "../../../mod/linux/namespace.ts";
import { UdpSocket } from "../../../mod/linux/udp_socket.ts";
import type { ConntrackFilter } from "../../../mod/net/netlink/conntrack.ts";
import type { NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import { addElements, flushSet } from "../../../mod/net/netlink/nftables.ts";
import { privileged } from "../../fakes/privileges.ts";
import { CLIENT, VIP, withBalanceNetwork } from "./network.ts";
import { balance, chainOf, Protocol, type Service, slotElements, TABLE, type Target } from "./rules.ts";
import { PORT, tcp, withTcp, withUdp } from "./services.ts";
import { ask, askAgain, dial, greeting, probe } from "./traffic.ts";

/** Fills the slots of a service anew, as many as before. */
function refill(service: Service, slots: readonly Target[]): NetlinkRequest[] {
  const set = { ...TABLE, set: `slots-${chainOf(service)}` };
  return [flushSet(set), ...addElements(set, slotElements(slots))];
}

async function withConntrack(node: Namespace, body: (conntrack: ConntrackSocket) => Promise<void>): Promise<void> {
  const conntrack = node.run(() => new ConntrackSocket());
  try {
    await body(conntrack);
  } finally {
    await conntrack.close();
  }
}

for (const family of [4, 6] as const) {
  privileged(
    `connections over IPv${family} of a backend that is gone end with a reset, the others go on`,
    () =>
      withBalanceNetwork((network) =>
        withTcp(network, family, async ([first, second]) => {
          const { client, node, nft } = network;
          const service = tcp(family, "inc", [first, second]);
          nft.commit(balance([service]));
          const conns = [await dial(client, VIP[family], PORT), await dial(client, VIP[family], PORT)];
          // The node itself, by the hook for what it sends.
          conns.push(await dial(node, VIP[family], PORT), await dial(node, VIP[family], PORT));
          const backends: number[] = [];
          for (const conn of conns) backends.push(await greeting(conn));
          assert.deepEqual(backends, [0, 1, 0, 1]);
          await withConntrack(node, async (conntrack) => {
            const gone: ConntrackFilter = {
              family,
              protocol: Protocol.tcp,
              destination: { ip: VIP[family], port: PORT },
              backend: first,
            };
            nft.commit(refill(service, [second, second]));
            const drained: string[] = [];
            for (const conn of conns) drained.push(await probe(conn));
            assert.deepEqual(drained, ["echo", "echo", "echo", "echo"], "draining leaves connections alone");
            assert.deepEqual(await ask(client, { ip: VIP[family], port: PORT }, 4), [0, 4]);
            network.silence(0);
            assert.deepEqual(await conntrack.deleteMatching(gone), { found: 2, deleted: 2 });
            const ends: string[] = [];
            for (const conn of conns) ends.push(await probe(conn));
            assert.deepEqual(ends, ["reset", "echo", "reset", "echo"]);
            assert.equal(await conntrack.count(gone), 0);
          });
          for (const conn of conns) conn.close();
        })
      ),
  );
}

privileged(
  "a client of UDP gets another backend once its entry is deleted, and not before",
  () =>
    withBalanceNetwork((network) =>
      withUdp(network, 4, async ([first, second], servers) => {
        const to = { ip: VIP[4], port: PORT };
        const service: Service = { vip: to.ip, port: PORT, protocol: Protocol.udp, by: "inc", slots: [first] };
        network.nft.commit(balance([service]));
        const socket = network.client.run(() => new UdpSocket(CLIENT[4].text, 0));
        assert.equal(askAgain(socket, to, servers), 0);
        network.nft.commit(refill(service, [second]));
        assert.equal(askAgain(socket, to, servers), 0);
        await withConntrack(network.node, async (conntrack) => {
          const filter = { family: 4, protocol: Protocol.udp, destination: to, backend: first } as const;
          assert.deepEqual(await conntrack.deleteMatching(filter), { found: 1, deleted: 1 });
        });
        assert.equal(askAgain(socket, to, servers), 1);
        socket.close();
      })
    ),
);
