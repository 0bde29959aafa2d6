import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { IcmpSocket } from "../../mod/linux/icmp_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { encodeEcho4, encodeEcho6 } from "../../mod/net/icmp_echo.ts";
import type { NetlinkRequest } from "../../mod/net/netlink/message.ts";
import { NeighbourState } from "../../mod/net/netlink/neighbour.ts";
import { addChain, addRule, addTable } from "../../mod/net/netlink/nftables.ts";
import { MetaKey } from "../../mod/net/netlink/nft_expression.ts";
import { address } from "./machine.ts";
import {
  changeGuard,
  GUARD_FAMILIES,
  guardMembers,
  installGuard,
  removeGuard,
  renewGuard,
  revokeGuard,
} from "../../mod/vip/guard.ts";

const V4 = "10.98.0.200";
const V6 = "fd98::200";
const VIP4 = { ip: V4, linkName: "eth0" };
const VIP6 = { ip: V6, linkName: "eth1" };

function ops(messages: readonly { op: string; subject: string }[]): string[] {
  return messages.map((message) => `${message.op} ${message.subject}`);
}

Deno.test("an address of IPv4 is guarded in both tables, one of IPv6 in the table for packets", () => {
  assert.deepEqual(ops(revokeGuard([V4])), [
    "add element arp kube-vip live4",
    "delete element arp kube-vip live4",
    "add element inet kube-vip live4",
    "delete element inet kube-vip live4",
  ]);
  assert.deepEqual(ops(revokeGuard([V6])), ["add element inet kube-vip live6", "delete element inet kube-vip live6"]);
});

Deno.test("a renewal adds, on older kernels adds, deletes and adds, so that it works when the element is absent, live or expired", () => {
  const live = [{ ip: V6, timeoutMs: 200 }];
  assert.deepEqual(ops(renewGuard(live, "update")), ["add element inet kube-vip live6"]);
  assert.deepEqual(ops(renewGuard(live, "replace")), [
    "add element inet kube-vip live6",
    "delete element inet kube-vip live6",
    "add element inet kube-vip live6",
  ]);
});

Deno.test("installing replaces what is there: each table is added, deleted and added first", () => {
  const first = ops(installGuard([VIP4, VIP6], []));
  assert.deepEqual(first.slice(0, 6), [
    "add table arp kube-vip",
    "delete table arp kube-vip",
    "add table inet kube-vip",
    "delete table inet kube-vip",
    "add table arp kube-vip",
    "add table inet kube-vip",
  ]);
  assert.equal(first.filter((op) => op.startsWith("add rule")).length, 8);
  assert.equal(first.some((op) => op.includes("live") && op.startsWith("add element")), false);
  assert.equal(
    ops(installGuard([VIP4], [{ ip: V4, timeoutMs: 9 }])).filter((op) => op === "add element inet kube-vip live4")
      .length,
    1,
  );
});

Deno.test("a change touches only what differs, and takes the permission of what goes", () => {
  const elsewhere = { ip: V4, linkName: "eth1" };
  assert.deepEqual(changeGuard([VIP4, VIP6], [VIP6, VIP4]), []);
  assert.deepEqual(ops(changeGuard([VIP4], [VIP4, VIP6])), [
    "add element inet kube-vip vips6",
    "add element inet kube-vip links6",
  ]);
  assert.deepEqual(ops(changeGuard([VIP4, VIP6], [VIP4])), [
    ...ops(revokeGuard([V6])),
    "delete element inet kube-vip vips6",
    "delete element inet kube-vip links6",
  ]);
  assert.deepEqual(ops(changeGuard([VIP4], [elsewhere])), [
    "add element inet kube-vip links4",
    "delete element inet kube-vip links4",
  ]);
});

Deno.test("the members of the sets are those of the addresses, in order, and every set is named", () => {
  const members = guardMembers([{ ip: "10.98.0.201", linkName: "eth0" }, VIP4, VIP4]);
  assert.deepEqual(members.map(({ set }) => `${set.family} ${set.set}`), [
    "arp vips4",
    "inet vips4",
    "inet vips6",
    "inet links4",
    "inet links6",
  ]);
  assert.deepEqual(members[0]?.keys, ["10.98.0.200", "10.98.0.201"]);
  assert.deepEqual(members.map(({ keys }) => keys.length), [2, 2, 0, 2, 0]);
});

Deno.test("removing takes both tables and needs neither to be there", () => {
  assert.equal(removeGuard().length, 2 * GUARD_FAMILIES.length);
});

const OWN = { 4: "10.98.0.2", 6: "fd98::2" } as const;
const SILENCE_MS = 100;

/** A machine between two networks: the address belongs to the first, and destination NAT takes it to the machine itself. */
class NatMachine {
  readonly #spaces = { machine: Namespace.create(), client: Namespace.create(), other: Namespace.create() };
  readonly #routes = {
    machine: this.#spaces.machine.run(() => new RouteSocket()),
    client: this.#spaces.client.run(() => new RouteSocket()),
    other: this.#spaces.other.run(() => new RouteSocket()),
  };
  readonly nft = this.#spaces.machine.run(() => new NftSocket());
  readonly #poller = new Poller((error) => assert.fail(String(error)));
  #identifier = 0;

  async start(): Promise<void> {
    const { machine, client, other } = this.#routes;
    const near = machine.addVeth({ name: "eth0", peerName: "eth0", peerNamespaceFd: this.#spaces.client.fd });
    const far = machine.addVeth({ name: "eth1", peerName: "eth0", peerNamespaceFd: this.#spaces.other.fd });
    const ends = [[machine, near.index, "98", 2], [machine, far.index, "99", 2], [client, indexOf(client), "98", 1], [
      other,
      indexOf(other),
      "99",
      1,
    ]] as const;
    for (const [routes, linkIndex, net, host] of ends) {
      const rest = { linkIndex, validSeconds: Infinity, preferredSeconds: Infinity, nodad: true, protocol: 0 };
      routes.setUp(linkIndex);
      routes.putAddress({ ip: address(`10.${net}.0.${host}`), prefixLength: 24, ...rest });
      routes.putAddress({ ip: address(`fd${net}::${host}`), prefixLength: 64, ...rest });
    }
    for (const [routes, linkIndex] of ends) await running(routes, linkIndex);
    const entry = { mac: near.mac, state: NeighbourState.PERMANENT };
    for (const ip of [V4, V6]) client.putNeighbour(address(ip), indexOf(client), entry);
    // The machine would ask for them from its link-local address, which is not usable for the first seconds.
    for (const [ip, link, routes] of [["fd98::1", near, client], ["fd99::1", far, other]] as const) {
      const mac = routes.linkByName("eth0")?.mac ?? assert.fail("no eth0");
      machine.putNeighbour(address(ip), link.index, { mac, state: NeighbourState.PERMANENT });
    }
    other.addRoute({ destination: address("10.98.0.0"), prefixLength: 24, gateway: address("10.99.0.2") });
    other.addRoute({ destination: address("fd98::"), prefixLength: 64, gateway: address("fd99::2") });
    this.nft.commit(redirection());
  }

  /** Whether somebody answers a ping to the address from there. */
  async answers(from: "client" | "other", text: string): Promise<boolean> {
    const ip = address(text);
    const socket = this.#spaces[from].run(() => new IcmpSocket(ip.family));
    const identifier = ++this.#identifier;
    const echo = { kind: "request", identifier, sequence: 1, data: new Uint8Array(8) } as const;
    const heard = Promise.withResolvers<boolean>();
    const hear = (): void =>
      void socket.drain((message, source) => {
        const isReply = message[0] === (ip.family === 4 ? 0 : 129) && message[5] === identifier;
        if (isReply && source === text) heard.resolve(true);
      });
    const watch = this.#poller.watch(socket.fd, hear);
    const ask = (): void => void socket.send(ip.family === 4 ? encodeEcho4(echo) : encodeEcho6(echo), ip);
    const again = setInterval(ask, SILENCE_MS / 4);
    const silence = setTimeout(() => {
      // Where this thread stood still for so long, the answer may be here although nobody was told of it.
      hear();
      heard.resolve(false);
    }, SILENCE_MS);
    ask();
    const answered = await heard.promise;
    clearInterval(again);
    clearTimeout(silence);
    watch.stop();
    socket.close();
    return answered;
  }

  async close(): Promise<void> {
    for (const routes of Object.values(this.#routes)) routes.close();
    this.nft.close();
    await this.#poller.close();
    for (const space of Object.values(this.#spaces)) space.close();
  }
}

function indexOf(routes: RouteSocket): number {
  return routes.linkByName("eth0")?.index ?? assert.fail("no eth0");
}

/** Until the kernel has seen the carrier, in a worker of its own, the link throws away what it should send. */
async function running(routes: RouteSocket, linkIndex: number): Promise<void> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    if (routes.links().find((link) => link.index === linkIndex)?.running === true) return;
    await new Promise((resolve) => void setTimeout(resolve, 2));
  }
  assert.fail("no carrier");
}

/** `ip daddr 10.98.0.200 redirect`, `ip6 daddr fd98::200 redirect`: to an address of the machine on the link the packet came over. */
function redirection(): NetlinkRequest[] {
  const chain = { family: "inet", table: "published", chain: "prerouting" } as const;
  const rules = ([[V4, 16, 2], [V6, 24, 10]] as const).map(([ip, offset, protocol]) => {
    const value = address(ip).bytes;
    return addRule({
      ...chain,
      expressions: [
        { type: "meta", key: MetaKey.nfproto, register: 1 },
        { type: "cmp", register: 1, op: "==", value: Uint8Array.of(protocol) },
        { type: "payload", base: "network", offset, length: value.length, register: 1 },
        { type: "cmp", register: 1, op: "==", value },
        { type: "other", name: "redir", data: new Uint8Array() },
      ],
    });
  });
  return [addTable(chain), addChain({ ...chain, hook: { at: "prerouting", priority: -100, type: "nat" } }), ...rules];
}

privileged(
  "destination NAT does not serve the address over its own link without permission, over others it does",
  async () => {
    const machine = new NatMachine();
    try {
      await machine.start();
      for (const ip of [V4, V6]) {
        assert.equal(await machine.answers("client", ip), true, `${ip} unguarded`);
        machine.nft.commit(installGuard([{ ip, linkName: "eth0" }], []));
        assert.equal(await machine.answers("client", ip), false, `${ip} without permission`);
        assert.equal(await machine.answers("other", ip), true, `${ip} over another link`);
        assert.equal(await machine.answers("client", OWN[ip === V4 ? 4 : 6]), true, "the machine's own address");
        machine.nft.commit(renewGuard([{ ip, timeoutMs: 10_000 }], "replace"));
        assert.equal(await machine.answers("client", ip), true, `${ip} with permission`);
        machine.nft.commit(revokeGuard([ip]));
        assert.equal(await machine.answers("client", ip), false, `${ip} after it`);
        machine.nft.commit(removeGuard());
      }
    } finally {
      await machine.close();
    }
  },
);
