/** Four machines for the balancer in the kernel: a client, the node that holds the VIP, and two backends behind the node. */
import assert from "node:assert/strict";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { RouteSocket } from "../../../mod/linux/rtnetlink.ts";
import { writeSysctl } from "../../../mod/linux/sysctl.ts";
import { type Ip, parseIp } from "../../../mod/net/ip.ts";

/** The balanced addresses, one of each family; both are on the node. */
export const VIP = { 4: address("10.90.0.100"), 6: address("fd90::100") } as const;
/** Addresses of the client. */
export const CLIENT = { 4: address("10.90.0.2"), 6: address("fd90::2") } as const;
/** Addresses of the backends, and of the node on the cable to each. */
export const BACKENDS = [
  { 4: address("10.91.1.2"), 6: address("fd91:1::2"), node: [address("10.91.1.1"), address("fd91:1::1")] },
  { 4: address("10.91.2.2"), 6: address("fd91:2::2"), node: [address("10.91.2.1"), address("fd91:2::1")] },
] as const;

/** A literal address. */
export function address(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}

/** The four machines; the backends by number. */
export interface BalanceNetwork {
  readonly client: Namespace;
  readonly node: Namespace;
  readonly backends: readonly Namespace[];
  /** Of the node. */
  readonly nft: NftSocket;
  /** Gives the client more addresses. */
  addClients(ips: readonly Ip[]): void;
  /**
   * Takes the addresses of a backend away, so that it neither answers nor refuses. (When a link of the node itself goes down the kernel
   * forgets masqueraded connections by itself.)
   */
  silence(backend: number): void;
}

/** Runs `body` on such a network, which forwards between its cables. */
export async function withBalanceNetwork(body: (network: BalanceNetwork) => Promise<void>): Promise<void> {
  const client = Namespace.create();
  const node = Namespace.create();
  const backends = BACKENDS.map(() => Namespace.create());
  const nft = node.run(() => new NftSocket());
  try {
    cable(node, [address("10.90.0.1"), address("fd90::1"), VIP[4], VIP[6]], {
      to: client,
      far: [CLIENT[4], CLIENT[6]],
    });
    BACKENDS.forEach((backend, index) => {
      const to = backends[index] ?? assert.fail();
      cable(node, backend.node, { to, far: [backend[4], backend[6]] });
    });
    node.run(() => {
      writeSysctl(["ipv4", "ip_forward"], "1");
      writeSysctl(["ipv6", "conf", "all", "forwarding"], "1");
    });
    const link = (routes: RouteSocket): number => (routes.linkByName("eth0") ?? assert.fail()).index;
    await body({
      client,
      node,
      backends,
      nft,
      addClients: (ips) => withRoutes(client, (routes) => ready(routes, link(routes), ips)),
      silence: (number) =>
        withRoutes(backends[number] ?? assert.fail(), (routes) => {
          const { 4: ip4, 6: ip6 } = BACKENDS[number] ?? assert.fail();
          routes.removeAddress(ip4, 24, link(routes));
          routes.removeAddress(ip6, 64, link(routes));
        }),
    });
  } finally {
    nft.close();
    for (const namespace of [client, node, ...backends]) namespace.close();
  }
}

let cables = 0;

/** Lays a cable; the far machine's default routes lead to the first addresses of the near one. */
function cable(near: Namespace, ips: readonly Ip[], end: { to: Namespace; far: readonly Ip[] }): void {
  const name = `v${++cables}`;
  const there = withRoutes(near, (routes) => {
    const { index } = routes.addVeth({ name, peerName: "eth0", peerNamespaceFd: end.to.fd });
    ready(routes, index, ips);
    return ips;
  });
  withRoutes(end.to, (routes) => {
    const link = routes.linkByName("eth0") ?? assert.fail();
    ready(routes, link.index, end.far);
    for (const family of [4, 6] as const) {
      const gateway = there.find((ip) => ip.family === family)?.text ?? assert.fail();
      routes.addRoute({ destination: null, family, gateway: address(gateway), linkIndex: link.index });
    }
  });
}

function ready(routes: RouteSocket, linkIndex: number, ips: readonly Ip[]): void {
  const loopback = routes.linkByName("lo") ?? assert.fail();
  routes.setUp(loopback.index);
  routes.setUp(linkIndex);
  for (const ip of ips) {
    const prefixLength = ip.family === 4 ? 24 : 64;
    const forever = { validSeconds: Infinity, preferredSeconds: Infinity };
    routes.putAddress({ ip, prefixLength, linkIndex, ...forever, nodad: true, protocol: 0 });
  }
}

function withRoutes<T>(namespace: Namespace, body: (routes: RouteSocket) => T): T {
  const routes = namespace.run(() => new RouteSocket());
  try {
    return body(routes);
  } finally {
    routes.close();
  }
}
