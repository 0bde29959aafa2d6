import assert from "node:assert/strict";
import { RouterSocket } from "../../mod/linux/router_socket.ts";
import { Level, setOption } from "../../mod/linux/socket.ts";
import { type Ip, parseIp6 } from "../../mod/net/ip.ts";
import { encodeRouterMessage } from "../../mod/net/router_discovery.ts";
import { withCable } from "../bgp/cable.ts";
import { until } from "../bgp/tcp_ends.ts";
import { privileged } from "../fakes/privileges.ts";

function ip(text: string): Ip {
  const parsed = parseIp6(text);
  assert.ok(parsed);
  return parsed;
}

const ADVERTISEMENT = encodeRouterMessage({ type: "advertisement", lifetimeSeconds: 0, sourceMac: null });
const SOLICITATION = encodeRouterMessage({ type: "solicitation", sourceMac: null });
const IPV6_MULTICAST_HOPS = 18;

interface Heard {
  readonly type: number;
  readonly ip: string;
  readonly linkIndex: number;
}

function drain(socket: RouterSocket, into: Heard[]): number {
  socket.drain((message, sender) => into.push({ type: message[0] ?? 0, ...sender }));
  return into.length;
}

privileged(
  "advertisements and solicitations arrive with their sender and link; nothing else does, nor what is our own",
  () =>
    withCable(async (here, there) => {
      const [near, far] = [here.namespace.run(() => new RouterSocket()), there.namespace.run(() => new RouterSocket())];
      try {
        assert.equal(far.join(ip("ff02::2"), there.index), "joined");
        assert.equal(far.join(ip("ff02::2"), there.index), "joined");
        assert.equal(near.send(Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 1), ip("ff02::1"), here.index), "sent");
        assert.equal(near.send(SOLICITATION, ip("ff02::2"), here.index), "sent");
        assert.equal(near.send(ADVERTISEMENT, ip("ff02::1"), here.index), "sent");
        const heard: Heard[] = [];
        await until(() => drain(far, heard) >= 2, "both");
        const from = { ip: here.linkLocal() ?? "", linkIndex: there.index };
        assert.deepEqual(heard, [{ type: 133, ...from }, { type: 134, ...from }]);
        assert.equal(near.drain(() => assert.fail("our own message")), "drained");
      } finally {
        near.close();
        far.close();
        far.close();
      }
    }),
);

privileged("what could come from beyond the link is not heard", () =>
  withCable(async (here, there) => {
    const [near, far] = [here.namespace.run(() => new RouterSocket()), there.namespace.run(() => new RouterSocket())];
    try {
      setOption(near.fd, { level: Level.IPV6, name: IPV6_MULTICAST_HOPS, value: 254 });
      near.send(SOLICITATION, ip("ff02::1"), here.index);
      setOption(near.fd, { level: Level.IPV6, name: IPV6_MULTICAST_HOPS, value: 255 });
      near.send(ADVERTISEMENT, ip("ff02::1"), here.index);
      const heard: Heard[] = [];
      await until(() => drain(far, heard) >= 1, "the second");
      assert.deepEqual(heard.map(({ type }) => type), [134]);
    } finally {
      near.close();
      far.close();
    }
  }));

privileged("a link that is down or gone refuses", () =>
  withCable((here) => {
    const socket = here.namespace.run(() => new RouterSocket());
    const { index } = here;
    here.routes.setDown(index);
    assert.equal(socket.send(ADVERTISEMENT, ip("ff02::1"), index), "refused");
    here.routes.deleteLink(index);
    assert.equal(socket.send(ADVERTISEMENT, ip("ff02::1"), index), "refused");
    assert.equal(socket.join(ip("ff02::2"), index), "refused");
    socket.close();
    return Promise.resolve();
  }));
