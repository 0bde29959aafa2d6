import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { installTable } from "../../../mod/balance/kernel/program.ts";
import { type Ip, parseIp } from "../../../mod/net/ip.ts";
import { BACKENDS, CLIENT, VIP, withBalanceNetwork } from "../../linux/balance/network.ts";
import { askUdp, dial, greeting, TcpBackend, UdpBackend } from "../../linux/balance/traffic.ts";
import type { KernelService } from "../../../mod/balance/kernel/types.ts";
import { counterOf } from "../../../mod/balance/kernel/words.ts";
import { frame } from "../../../mod/balance/kernel/frame.ts";
import { BALANCE } from "../../../mod/balance/kernel/words.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { addTable } from "../../../mod/net/netlink/nftables.ts";

privileged("addresses are translated just before others would, packets counted after they were filtered", () => {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  nft.commit([addTable(BALANCE), ...frame({ timeLimits: true })]);
  const hooks = nft.chains(BALANCE).flatMap(({ chain, hook }) =>
    hook === undefined ? [] : [`${chain} ${hook.type} ${hook.at} ${hook.priority} ${hook.policy}`]
  );
  const empty = nft.sets(BALANCE).map(({ set }) => nft.elements({ ...BALANCE, set }).length);
  nft.close();
  namespace.close();
  assert.deepEqual(hooks.sort(), [
    "count-forward filter forward 50 accept",
    "count-input filter input 50 accept",
    "count-output filter output 50 accept",
    "input nat input 90 accept",
    "output nat output -110 accept",
    "postrouting nat postrouting 90 accept",
    "prerouting nat prerouting -110 accept",
  ]);
  assert.deepEqual(empty, Array.from({ length: 14 }, () => 0));
});

const PORT = 5300;
/** A datagram of one byte with the headers of UDP and IP, there and back. */
const BYTES = { 4: 2 * (1 + 8 + 20), 6: 2 * (1 + 8 + 40) } as const;

function serviceFor(backend: Ip, port: number): KernelService {
  const backends = [{ address: backend.text, port, weight: 1, usable: true }];
  return {
    protocol: "udp",
    port: PORT,
    vips: [VIP[4].text, VIP[6].text],
    affinity: "none",
    preserveClientAddress: false,
    backends,
  };
}

for (const family of [4, 6] as const) {
  privileged(`packets over IPv${family} count both ways and once, wherever client and backend are`, async () => {
    await withBalanceNetwork(({ client, node, backends: [far], nft }) => {
      const here = parseIp(family === 4 ? "10.90.0.1" : "fd90::1") ?? assert.fail();
      const elsewhere = BACKENDS[0][family];
      for (const [clients, from] of [[client, CLIENT[family]], [node, here]] as const) {
        for (const [namespace, ip] of [[far ?? assert.fail(), elsewhere], [node, here]] as const) {
          const backend = new UdpBackend(namespace, ip, 0);
          const service = serviceFor(ip, backend.socket.port);
          nft.commit(installTable([service], { owned: false, timeLimits: true }));
          const to = { ip: VIP[family], port: PORT };
          assert.deepEqual(askUdp({ namespace: clients, ips: [from, from, from] }, to, [backend]), [0, 0, 0]);
          backend.socket.close();
          const { bytes, connections, key } = counterOf(service, service.backends[0] ?? assert.fail());
          const counted = [bytes, connections].map((set) =>
            nft.elements(set).find((one) => one.key.join() === key.join())?.counted
          );
          const where = `${from.text} to ${ip.text}`;
          assert.deepEqual([counted[0]?.packets, counted[0]?.bytes], [6, 3 * BYTES[family]], where);
          assert.equal(counted[1]?.packets, 3, where);
        }
      }
      return Promise.resolve();
    });
  });
}

for (const family of [4, 6] as const) {
  privileged(`clients keep their address over IPv${family}, but where client and backend are one machine`, async () => {
    await withBalanceNetwork(async ({ client, backends: [first, second], nft }) => {
      assert.ok(first !== undefined && second !== undefined);
      const [ip, other] = [BACKENDS[0][family], BACKENDS[1][family]];
      await using backend = new TcpBackend(first, ip, 7);
      const service = { ...serviceFor(ip, backend.port), protocol: "tcp", preserveClientAddress: true } as const;
      nft.commit(installTable([service], { owned: false, timeLimits: true }));
      // The node looks for its neighbour first with an address of its own: its link-local one is not ready yet.
      for (const from of [first, client, second]) {
        const conn = await dial(from, VIP[family], PORT);
        assert.equal(await greeting(conn), 7);
        conn.close();
      }
      const node = BACKENDS[0].node.find((one) => one.family === family)?.text;
      assert.deepEqual(backend.clients, [node, CLIENT[family].text, other.text]);
    });
  });
}
