import assert from "node:assert/strict";
import { Dialer } from "../../mod/bgp/dialer.ts";
import type { LinkPeers, Lookup } from "../../mod/bgp/session_options.ts";
import type { BgpPeerConfig } from "../../mod/bgp/types.ts";
import { BgpNetwork } from "../fakes/bgp_transport.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { NODE, peerConfig, ROUTER } from "./session_kit.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly network: BgpNetwork;
  readonly dialer: Dialer;
  readonly failures: string[];
  dial(): void;
}

const NO_LINKS: LinkPeers = { peer: () => null, onChange: () => () => {} };

function bench(
  peer: Partial<BgpPeerConfig>,
  { lookup = () => Promise.resolve([]), linkPeers = NO_LINKS }: { lookup?: Lookup; linkPeers?: LinkPeers } = {},
): Bench {
  const clock = new VirtualClock();
  const network = new BgpNetwork(clock);
  const transport = network.host(NODE);
  const dialer = new Dialer({ peer: peerConfig(peer), localAs: 65000, transport, clock, lookup, linkPeers });
  const failures: string[] = [];
  const events = { opened: () => {}, received: () => {}, closed: () => {} };
  const dialing = { begun: () => {}, failed: (why: string) => void failures.push(why), events };
  return { clock, network, dialer, failures, dial: () => dialer.dial(dialing) };
}

/** Lets promises that are settled call back. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

const NAME = { address: { is: "name", host: "router.example" } } as const;

Deno.test("an address is dialled with port, source, interface, password and TTLs of the peer", () => {
  const changes = { port: 1179, sourceIp: "192.0.2.7", sourceInterface: "eth1", password: "key", ttlSecurityHops: 1 };
  const { network, dial } = bench(changes);
  dial();
  assert.deepEqual(network.requests, [{
    ip: ROUTER,
    port: 1179,
    interface: "eth1",
    bindToInterface: true,
    sourceIp: "192.0.2.7",
    password: "key",
    ttl: 255,
    minTtl: 255,
  }]);
});

Deno.test("a host name is looked up before each attempt, and its addresses take turns", async () => {
  let lookups = 0;
  const lookup: Lookup = () => {
    lookups += 1;
    return Promise.resolve(["192.0.2.10", "2001:db8::10"]);
  };
  const { network, dial, clock } = bench(NAME, { lookup });
  for (let i = 0; i < 3; i += 1) {
    dial();
    await settle();
  }
  assert.deepEqual(network.requests.map((request) => request.ip), ["192.0.2.10", "2001:db8::10", "192.0.2.10"]);
  assert.equal(lookups, 3);
  clock.advance(10);
  assert.equal(clock.pending, 0);
});

Deno.test("addresses that do not fit the source address are left out", async () => {
  const lookup: Lookup = () => Promise.resolve(["2001:db8::10", "192.0.2.10"]);
  const { network, dial } = bench({ ...NAME, sourceIp: "192.0.2.7" }, { lookup });
  dial();
  await settle();
  assert.deepEqual(network.requests.map((request) => request.ip), ["192.0.2.10"]);
  const none = bench({ ...NAME, sourceIp: "192.0.2.7" }, { lookup: () => Promise.resolve(["2001:db8::10"]) });
  none.dial();
  await settle();
  assert.deepEqual(none.failures, ["the host has no address that fits 192.0.2.7"]);
});

Deno.test("a lookup that finds nothing, fails or does not answer is told in words", async () => {
  const empty = bench(NAME);
  empty.dial();
  await settle();
  assert.deepEqual(empty.failures, ["the host has no address"]);
  const failing = bench(NAME, { lookup: () => Promise.reject(new Error("server failure")) });
  failing.dial();
  await settle();
  assert.deepEqual(failing.failures, ['cannot look up "router.example": server failure']);
  let ended = false;
  const silent = bench(NAME, {
    lookup: (_, signal) => {
      signal.addEventListener("abort", () => void (ended = true));
      return new Promise(() => {});
    },
  });
  silent.dial();
  silent.clock.advance(5000);
  assert.deepEqual([silent.failures, ended], [['the name service does not answer about "router.example"'], true]);
});

Deno.test("one lookup is under way at most, and after stop its answer is not heard", async () => {
  const answers: ((addresses: readonly string[]) => void)[] = [];
  const lookup: Lookup = () => new Promise((resolve) => void answers.push(resolve));
  const { network, dialer, dial, clock } = bench(NAME, { lookup });
  dial();
  dial();
  assert.equal(answers.length, 1);
  assert.equal(dialer.waitsFor, 'the name service, about "router.example"');
  dialer.stop();
  answers[0]?.([ROUTER]);
  await settle();
  assert.deepEqual([network.requests.length, clock.pending], [0, 0]);
});

Deno.test("an unnumbered peer is the router of the link", () => {
  let router: string | null = null;
  const address = { is: "unnumbered", interface: "eth1" } as const;
  const { network, dialer, dial, failures } = bench({ address, as: null }, {
    linkPeers: { peer: (name) => name === "eth1" ? router : null, onChange: () => () => {} },
  });
  dial();
  assert.deepEqual(failures, ["no router has been seen on eth1"]);
  router = "fe80::1";
  dial();
  const [request] = network.requests;
  assert.deepEqual([request?.ip, request?.interface, request?.bindToInterface], ["fe80::1", "eth1", false]);
  router = null;
  assert.equal(dialer.isPeer({ remoteIp: "fe80::2", interface: "eth2" }), false);
  assert.equal(dialer.isPeer({ remoteIp: "fe80::2", interface: "eth1" }), true);
  dial();
  assert.equal(network.requests[1]?.ip, "fe80::2", "who has connected is where the router is");
});

Deno.test("somebody who connects is the peer if the address says so", async () => {
  const plain = bench({}).dialer;
  assert.equal(plain.isPeer({ remoteIp: ROUTER, interface: null }), true);
  assert.equal(plain.isPeer({ remoteIp: "192.0.2.9", interface: null }), false);
  const local = bench({ address: { is: "ip", ip: "fe80::1" }, sourceInterface: "eth1" }).dialer;
  assert.equal(local.isPeer({ remoteIp: "fe80::1", interface: "eth1" }), true);
  assert.equal(local.isPeer({ remoteIp: "fe80::1", interface: "eth2" }), false);
  const named = bench(NAME, { lookup: () => Promise.resolve([ROUTER]) });
  assert.equal(named.dialer.isPeer({ remoteIp: ROUTER, interface: null }), false);
  await settle();
  assert.equal(named.dialer.isPeer({ remoteIp: ROUTER, interface: null }), true, "it was looked up meanwhile");
  assert.equal(named.network.requests.length, 0);
});
