/** Two nodes that speak BGP with each other over loopback, without any privilege: neither imports what the other announces. */
import assert from "node:assert/strict";
import { BgpRouting, BgpStartError } from "../../mod/agent/bgp_routing.ts";
import type { ManagerBgp } from "../../mod/config/bgp/types.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { ADDRESS_PROTOCOL } from "../../mod/vip/address.ts";
import type { HeldAddress, Link } from "../../mod/vip/kernel.ts";
import { mustLoad, vars } from "../config/manager/helpers.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { quietPort } from "../fakes/ports.ts";
import { clientOf, NODES } from "../kube/kit.ts";

const LIMIT_MS = 15_000;
const LO: Link = { index: 1, name: "lo", mac: new Uint8Array(6), up: true, running: true, loopback: true };
const OWN: HeldAddress = { ip: "127.0.0.1", prefixLength: 8, linkIndex: 1, protocol: 0, validSeconds: Infinity };
const BOOK = { links: () => [LO], addresses: () => [OWN] };
const VIP = "10.98.0.200";

function settings(...texts: readonly string[]): ManagerBgp {
  const { bgp } = mustLoad({ env: vars("vip_arp=false", "bgp_enable=true", ...texts) });
  assert.ok(bgp);
  return bgp;
}

class Node {
  readonly poller = new Poller((error) => {
    throw error;
  });
  readonly routing: BgpRouting;

  constructor(bgp: ManagerBgp, more: Partial<ConstructorParameters<typeof BgpRouting>[0]> = {}) {
    this.routing = new BgpRouting({
      settings: bgp,
      annotations: null,
      nodeName: "node-1",
      elects: true,
      managed: () => new Set([VIP]),
      poller: this.poller,
      book: BOOK,
      clock: systemClock,
      ...more,
    });
  }

  async close(): Promise<void> {
    await this.routing.close();
    await this.poller.close();
  }
}

async function until(what: string, look: () => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!look()) {
    assert.ok(performance.now() < endMs, `${what}: not within ${LIMIT_MS} ms`);
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
}

/** One that waits for the other to connect, to `port`. */
function waiting(port: number): ManagerBgp {
  return settings(
    "bgp_as=65002",
    "bgp_routerid=2.2.2.2",
    `bgp_listen_port=${port}`,
    "bgp_passive=true",
    "bgp_peers=127.0.0.1:65001",
  );
}

Deno.test("a held address reaches the peer, a released one leaves it, and an end in order says so", async () => {
  const port = quietPort();
  const far = new Node(waiting(port));
  const near = new Node(settings("bgp_as=65001", "bgp_routerid=1.1.1.1", `bgp_peers=127.0.0.1:65002::false:${port}`));
  await far.routing.start();
  await near.routing.start();
  near.routing.holds.held(VIP, 1);
  const heard = (): number => far.routing.status().bgp[0]?.prefixesRefused ?? -1;
  await until("the route is heard", () => heard() === 1);
  assert.equal(near.routing.status().bgp[0]?.name, `127.0.0.1:${port}`);
  assert.equal(near.routing.status().bgp[0]?.prefixesSent, 1);
  const told = near.routing.bgp();
  assert.ok(told);
  assert.deepEqual([told.as, told.routerId, told.announced], [65001, "1.1.1.1", [VIP]]);
  near.routing.holds.released(VIP);
  await until("the route is gone", () => heard() === 0);
  await near.close();
  await until("the end is known", () => far.routing.status().bgp[0]?.lastError !== null);
  assert.match(far.routing.status().bgp[0]?.lastError ?? "", /administrative shutdown.*kube-vip is stopping/i);
  await far.close();
});

Deno.test("the annotations of the Node name the peers, and others take effect while it runs", async () => {
  const api = FakeApiServer.start();
  const path = parsePath(`${NODES}/node-1`);
  assert.ok(path);
  const annotations = { "example.com/node-asn": "65001", "example.com/src-ip": "192.0.2.9" };
  api.store.create(path, { metadata: { name: "node-1", annotations } });
  const client = clientOf(api.url);
  const bgp = settings("annotation=example.com", "bgp_routerid=1.1.1.1");
  const node = new Node(bgp, { annotations: { client, prefix: "example.com" } });
  await node.routing.start();
  assert.deepEqual(node.routing.status().bgp, []);
  assert.equal(node.routing.bgp(), null);
  const peers = (ips: string): void => {
    const more = { "example.com/peer-asn": "65002", "example.com/peer-ip": ips };
    api.store.mergePatch(path, { metadata: { name: "node-1", annotations: { ...annotations, ...more } } });
  };
  const names = (): string => node.routing.status().bgp.map(({ name }) => name).join();
  peers("192.0.2.2");
  await until("the first peer", () => names() === "192.0.2.2:179");
  assert.equal(node.routing.bgp()?.as, 65001);
  peers("192.0.2.3,192.0.2.4");
  await until("the other peers", () => names() === "192.0.2.3:179,192.0.2.4:179");
  peers("not an address");
  await until("what is wrong is read", () => api.count("watch") > 0);
  assert.equal(names(), "192.0.2.3:179,192.0.2.4:179");
  await node.close();
  client.close();
  await api.stop();
});

Deno.test("a router interface that has no address keeps BGP from starting, and is named", async () => {
  const bgp = settings("bgp_routerinterface=eth7", "bgp_peers=127.0.0.1:65001");
  const poller = new Poller(() => {});
  assert.throws(() => new Node(bgp), (error) => error instanceof BgpStartError && /eth7/.test(error.message));
  await poller.close();
});

Deno.test("an address that an earlier run has left does not name this machine", async () => {
  const left = { ip: "10.9.9.22", prefixLength: 32, linkIndex: 1, protocol: ADDRESS_PROTOCOL, validSeconds: 40 };
  const own = { ...OWN, ip: "10.8.0.1", prefixLength: 24 };
  const book = { links: () => [LO], addresses: () => [OWN, left, own] };
  const node = new Node(settings("bgp_peers=127.0.0.1:65001"), { book });
  assert.equal(node.routing.bgp()?.routerId, "10.8.0.1");
  await node.close();
});
