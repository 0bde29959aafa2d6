import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { installTable } from "../../../mod/balance/kernel/program.ts";
import { type Ip, parseIp } from "../../../mod/net/ip.ts";
import { BACKENDS, CLIENT, VIP, withBalanceNetwork } from "../../linux/balance/network.ts";
import { askUdp, dial, greeting, probe, TcpBackend, UdpBackend } from "../../linux/balance/traffic.ts";
import { eventually } from "../kit.ts";
import type { KernelService } from "../../../mod/balance/kernel/types.ts";
import { counterOf } from "../../../mod/balance/kernel/words.ts";
import { frame } from "../../../mod/balance/kernel/frame.ts";
import { BALANCE } from "../../../mod/balance/kernel/words.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { readProcFile } from "../../../mod/linux/proc_file.ts";
import { RawIpSocket } from "../../../mod/linux/raw_ip_socket.ts";
import { be16 } from "../../../mod/net/netlink/bytes.ts";
import { MetaKey } from "../../../mod/net/netlink/nft_expression.ts";
import { addChain, addRule, addTable } from "../../../mod/net/netlink/nftables.ts";
import { bareAcknowledgement, type TcpEnd } from "../../../mod/net/tcp_segment.ts";

privileged("addresses are translated just before others would, packets counted after they were filtered", () => {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  nft.commit([addTable(BALANCE), ...frame({ timeLimits: true, takesUp: true })]);
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
    "strays filter prerouting -120 accept",
  ]);
  assert.deepEqual(empty, Array.from({ length: 20 }, () => 0));
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
          nft.commit(installTable([service], { owned: false, timeLimits: true, takesUp: true }));
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
      nft.commit(installTable([service], { owned: false, timeLimits: true, takesUp: true }));
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

/** Resets that the machine has sent of its own. */
function resetsOf(namespace: Namespace): number {
  const text = namespace.run(() => readProcFile("/proc/thread-self/net/snmp")) ?? "";
  const [names = [], values = []] = text.split("\n").filter((line) => line.startsWith("Tcp: ")).map((line) =>
    line.split(" ")
  );
  return Number(values[names.indexOf("OutRsts")] ?? assert.fail(text));
}

/** Sends segments without data in the name of somebody else, of which one at least is far outside of any window. */
function sendStrays(namespace: Namespace, from: TcpEnd, to: TcpEnd): void {
  for (const sequence of [1, 0x4000_0000, 0x8000_0000, 0xc000_0000]) {
    sendRaw(namespace, bareAcknowledgement(from, to, sequence), to.ip);
  }
}

function sendRaw(namespace: Namespace, packet: Uint8Array<ArrayBuffer>, to: Ip): void {
  const raw = namespace.run(() => new RawIpSocket());
  assert.equal(raw.send(packet, to), "sent");
  raw.close();
}

/** The same with FIN. */
function withEnd(acknowledgement: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const packet = acknowledgement.slice();
  const tcp = new DataView(packet.buffer, packet.length - 20);
  tcp.setUint8(13, tcp.getUint8(13) | 1);
  tcp.setUint16(16, (tcp.getUint16(16) + 0xfffe) % 0xffff);
  return packet;
}

for (const family of [4, 6] as const) {
  privileged(
    `over IPv${family} a segment outside of the window resets nobody, and an end of what is not known is answered`,
    async () => {
      await withBalanceNetwork(async ({ client, node, backends: [far], nft }) => {
        assert.ok(far !== undefined);
        const ip = BACKENDS[0][family];
        await using backend = new TcpBackend(far, ip, 7);
        const here = BACKENDS[0].node.find((one) => one.family === family) ?? assert.fail();
        for (const vips of [[VIP[family].text], null]) {
          const service = { ...serviceFor(ip, backend.port), protocol: "tcp", vips } as const;
          nft.commit(installTable([service], { owned: false, timeLimits: true, takesUp: true }));
          const conn = await dial(client, VIP[family], PORT);
          await greeting(conn);
          const { port } = conn.localAddr as Deno.NetAddr;
          const before = resetsOf(node);
          sendStrays(client, { ip: CLIENT[family], port }, { ip: VIP[family], port: PORT });
          sendStrays(far, { ip, port: backend.port }, { ip: here, port });
          assert.equal(await probe(conn), "echo");
          assert.equal(resetsOf(node), before);
          const end = bareAcknowledgement({ ip: CLIENT[family], port: port - 1 }, { ip: VIP[family], port: PORT }, 1);
          sendRaw(client, withEnd(end), VIP[family]);
          await eventually(() => resetsOf(node) === before + 1, "who ends what is not known is told");
          conn.close();
        }
      });
    },
  );

  privileged(`over IPv${family} what somebody else has translated to the same backend is none of ours`, async () => {
    await withBalanceNetwork(async ({ client, backends: [far], nft }) => {
      assert.ok(far !== undefined);
      const ip = BACKENDS[0][family];
      await using backend = new TcpBackend(far, ip, 7);
      const service = { ...serviceFor(ip, backend.port), protocol: "tcp" } as const;
      nft.commit(installTable([service], { owned: false, timeLimits: true, takesUp: true }));
      const others = { family: "inet", table: "others" } as const;
      nft.commit([
        addTable(others),
        addChain({ ...others, chain: "nat", hook: { at: "prerouting", type: "nat", priority: -100 } }),
        addRule({
          ...others,
          chain: "nat",
          expressions: [
            { type: "meta", key: MetaKey.nfproto, register: 1 },
            { type: "cmp", register: 1, op: "==", value: Uint8Array.of(family === 4 ? 2 : 10) },
            { type: "immediate", register: 1, value: ip.bytes },
            { type: "immediate", register: 2, value: be16(backend.port) },
            { type: "nat", kind: "dnat", family, address: 1, port: 2, flags: 0 },
          ],
        }),
      ]);
      const node = parseIp(family === 4 ? "10.90.0.1" : "fd90::1") ?? assert.fail();
      // The balanced one first: see above.
      for (const to of [VIP[family], node]) {
        const conn = await dial(client, to, PORT);
        assert.equal(await greeting(conn), 7);
        conn.close();
      }
      assert.equal(backend.clients[1], CLIENT[family].text);
      const { connections, key } = counterOf(service, service.backends[0] ?? assert.fail());
      const counted = nft.elements(connections).find((one) => one.key.join() === key.join())?.counted;
      assert.equal(counted?.packets, 1);
    });
  });
}
