/** TCP for BGP between machines: what a loopback cannot show. */
import assert from "node:assert/strict";
import type { Namespace } from "../../mod/linux/namespace.ts";
import { writeSysctl } from "../../mod/linux/sysctl.ts";
import { parseCidr } from "../../mod/net/ip.ts";
import { RouteType } from "../../mod/net/netlink/route.ts";
import { privileged } from "../fakes/privileges.ts";
import { type CableEnd, withCable } from "./cable.ts";
import { Recorder, requestTo, type Side, until, withSide } from "./tcp_ends.ts";
import type { Connection, ConnectRequest } from "../../mod/bgp/transport.ts";

/** A connection that is made from this namespace. */
function dial(
  side: Side,
  namespace: Namespace,
  request: ConnectRequest,
): { connection: Connection; events: Recorder } {
  const events = new Recorder();
  return { connection: namespace.run(() => side.transport.connect(request, events)), events };
}

/** Both ends of the cable, and one transport for both. */
function withEnds(body: (side: Side, here: CableEnd, there: CableEnd) => Promise<void>): Promise<void> {
  return withSide((side) => withCable((here, there) => body(side, here, there)));
}

privileged(
  "a link-local connection belongs to its link at both ends, addresses are told without a zone",
  () =>
    withEnds(async (side, here, there) => {
      const { listener, arrivals } = there.namespace.run(() => side.listen({ ttl: 255, minTtl: 255 }));
      const [near, far] = [here.linkLocal() ?? "", there.linkLocal() ?? ""];
      for (const sourceIp of [null, near]) {
        const request = requestTo(far, listener.port, { interface: "eth0", ttl: 255, minTtl: 255, sourceIp });
        const { connection, events } = dial(side, here.namespace, request);
        connection.send(Uint8Array.of(1));
        await until(() => arrivals.at(-1)?.events.bytes === 1, "the word");
        assert.deepEqual([connection.localIp, connection.remoteIp, events.calls], [near, far, ["opened"]]);
        const { incoming } = arrivals.pop() ?? assert.fail();
        assert.deepEqual([incoming.remoteIp, incoming.localIp, incoming.interface], [near, far, "eth0"]);
      }
      await listener.close();
    }),
);

privileged("a link-local connection may have a TCP-MD5 key", () =>
  withEnds(async (side, here, there) => {
    const keys = [{ ip: here.linkLocal() ?? "", password: "of the link" }];
    const { listener, arrivals } = there.namespace.run(() => side.listen({ keys }));
    const more = { interface: "eth0", password: "of the link" };
    dial(side, here.namespace, requestTo(there.linkLocal() ?? "", listener.port, more));
    await until(() => arrivals.length === 1, "the connection");
  }));

privileged(
  "a connection is bound to its interface whatever the routes say",
  () =>
    withEnds(async (side, here, there) => {
      const { listener, arrivals } = there.namespace.run(() => side.listen());
      // A route that leads nowhere is better than that of the cable; a bound socket does not look at other links.
      const cidr = parseCidr("10.1.0.2/32");
      assert.ok(cidr);
      const other = here.routes.addVeth({ name: "other0", peerName: "other1" }).index;
      for (const name of ["other0", "other1"]) here.routes.setUp(here.routes.linkByName(name)?.index ?? 0);
      here.routes.addRoute({ destination: cidr.ip, prefixLength: 32, linkIndex: other, protocol: 4 });
      const lost = dial(side, here.namespace, requestTo("10.1.0.2", listener.port, { sourceIp: "10.1.0.1" }));
      const more = { interface: "eth0", bindToInterface: true };
      const { events } = dial(side, here.namespace, requestTo("10.1.0.2", listener.port, more));
      await until(() => events.calls.includes("opened") && arrivals.length === 1, "the connection");
      assert.deepEqual(lost.events.calls, []);
    }),
);

privileged(
  "where no route leads, or nobody answers on the link, the reason is said in words",
  () =>
    withEnds(async (side, here) => {
      const cases = [
        ["203.0.113.1", "network is unreachable"],
        ["2001:db8::1", "network is unreachable"],
        ["10.1.0.99", "no route to host"],
        ["fd01::99", "no route to host"],
      ] as const;
      // The kernel asks three times for the neighbour, a second apart.
      const attempts = cases.map(([ip, why]) => ({ ...dial(side, here.namespace, requestTo(ip, 179)), why }));
      for (const { events, why } of attempts) assert.equal(await events.end(), why);
    }),
);

privileged(
  "a peer that does not answer: timed out, when the kernel gives up",
  () =>
    withEnds(async (side, here, there) => {
      here.namespace.run(() => {
        assert.equal(writeSysctl(["ipv4", "tcp_syn_retries"], "1"), "written");
        writeSysctl(["ipv4", "tcp_syn_linear_timeouts"], "0");
      });
      const cidr = parseCidr("10.9.9.9/32");
      assert.ok(cidr);
      // The other end takes the packets and throws them away.
      here.routes.addRoute({ destination: cidr.ip, prefixLength: 32, linkIndex: here.index, protocol: 4 });
      const mac = there.routes.linkByName("eth0")?.mac ?? new Uint8Array();
      here.routes.putNeighbour(cidr.ip, here.index, { mac, state: 0x80 });
      there.routes.addRoute({
        destination: cidr.ip,
        prefixLength: 32,
        protocol: 4,
        type: RouteType.BLACKHOLE,
      });
      const { events } = dial(side, here.namespace, requestTo("10.9.9.9", 179));
      assert.equal(await events.end(), "timed out");
    }),
);

privileged("a reset and a refusal cross the cable", () =>
  withEnds(async (side, here, there) => {
    const { listener, arrivals } = there.namespace.run(() => side.listen());
    const { events } = dial(side, here.namespace, requestTo("fd01::2", listener.port));
    await until(() => arrivals.length === 1 && events.calls.includes("opened"), "the connection");
    arrivals[0]?.connection.abort();
    assert.equal(await events.end(), "connection reset by the peer");
    const { port } = listener;
    await listener.close();
    const again = dial(side, here.namespace, requestTo("10.1.0.2", port));
    assert.equal(await again.events.end(), "connection refused");
  }));
