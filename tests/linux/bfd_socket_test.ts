import assert from "node:assert/strict";
import { type BfdArrival, BfdPort, BfdReceiver, BfdSender } from "../../mod/linux/bfd_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { Level, setOption } from "../../mod/linux/socket.ts";
import { udpAddress, UdpSocket } from "../../mod/linux/udp_socket.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";
import { seededRandom } from "../fakes/random.ts";

const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;
const OPTIONS = {
  4: { level: Level.IP, ttl: 2 },
  6: { level: Level.IPV6, ttl: 16 },
} as const;
const FAMILIES = [4, 6] as const;

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null);
  return parsed;
}

/** Runs `body` in an empty namespace whose loopback is up. */
function inNamespace(body: (routes: RouteSocket) => void): void {
  const namespace = Namespace.create();
  try {
    namespace.run(() => {
      const routes = new RouteSocket();
      try {
        routes.setUp(routes.linkByName("lo")?.index ?? 0);
        body(routes);
      } finally {
        routes.close();
      }
    });
  } finally {
    namespace.close();
  }
}

function sender(local: string, differs: Partial<ConstructorParameters<typeof BfdSender>[0]> = {}): BfdSender {
  const options = { local: ip(local), remote: ip(local), interface: null, multihop: false, random: seededRandom(1) };
  return new BfdSender({ ...options, ...differs });
}

/** Everything that waits; on the loopback a datagram has arrived when the send returns. */
function waiting(receiver: BfdReceiver): { bytes: number[]; arrival: BfdArrival }[] {
  const got: { bytes: number[]; arrival: BfdArrival }[] = [];
  while (receiver.drain((bytes, arrival) => got.push({ bytes: [...bytes], arrival })) === "more");
  return got;
}

for (const family of FAMILIES) {
  const address = LOOPBACK[family];

  privileged(
    `IPv${family}: a packet arrives with where it came from, where it went to and by which link`,
    () =>
      inNamespace((routes) => {
        const receiver = new BfdReceiver(family, false);
        const from = sender(address, { interface: "lo" });
        assert.equal(from.send(Uint8Array.of(1, 2, 3)), "sent");
        const linkIndex = routes.linkByName("lo")?.index ?? 0;
        assert.equal(from.linkIndex, linkIndex);
        assert.deepEqual(waiting(receiver), [
          { bytes: [1, 2, 3], arrival: { source: address, destination: address, linkIndex } },
        ]);
        from.close();
        receiver.close();
      }),
  );

  privileged(
    `IPv${family}: what has passed a router does not reach the neighbours' port, but the multihop port`,
    () =>
      inNamespace(() => {
        const [near, far] = [new BfdReceiver(family, false), new BfdReceiver(family, true)];
        const stranger = new UdpSocket(address, 0);
        for (const [ttl, reached] of [[254, 0], [1, 0], [255, 1]] as const) {
          setOption(stranger.fd, { level: OPTIONS[family].level, name: OPTIONS[family].ttl, value: ttl });
          for (const port of Object.values(BfdPort)) stranger.send(Uint8Array.of(ttl), udpAddress(address, port));
          assert.equal(waiting(near).length, reached, `TTL ${ttl} to a neighbour`);
          assert.equal(waiting(far).length, 1, `TTL ${ttl} over several hops`);
        }
        for (const each of [near, far, stranger]) each.close();
      }),
  );

  privileged(`IPv${family}: sessions have ports of their own in the range of RFC 5881 §4`, () =>
    inNamespace(() => {
      // The same chance for all of them: each is refused the ports of those before it.
      const senders = Array.from({ length: 20 }, () => sender(address));
      const ports = senders.map(({ port }) => port);
      assert.equal(new Set(ports).size, senders.length);
      assert.ok(ports.every((port) => port >= 49_152 && port <= 65_535));
      for (const each of senders) each.close();
      assert.equal(senders[0]?.send(Uint8Array.of(1)), "EBADF");
    }));

  privileged(`IPv${family}: a port that another program has is an error that names it`, () =>
    inNamespace(() => {
      const first = new BfdReceiver(family, false);
      assert.throws(() => new BfdReceiver(family, false), {
        name: "SysError",
        code: "EADDRINUSE",
        message: new RegExp(`UDP port 3784 for BFD over IPv${family}.*another program`),
      });
      first.close();
      first.close();
      new BfdReceiver(family, false).close();
    }));
}

privileged("both families have the port at once", () =>
  inNamespace(() => {
    const receivers = FAMILIES.map((family) => new BfdReceiver(family, false));
    for (const each of receivers) each.close();
  }));

privileged("a link or an address that is not there is an error that names it", () =>
  inNamespace(() => {
    assert.throws(() => sender("127.0.0.1", { interface: "eth9" }), { code: "ENODEV", subject: "eth9" });
    assert.throws(() => sender("192.0.2.1"), { code: "EADDRNOTAVAIL", message: /192\.0\.2\.1/ });
  }));

privileged("a link that went away is an error of sending", () =>
  inNamespace((routes) => {
    const namespace = Namespace.current();
    const link = routes.addVeth({ name: "near", peerName: "far", peerNamespaceFd: namespace.fd });
    namespace.close();
    for (const name of ["near", "far"]) routes.setUp(routes.linkByName(name)?.index ?? 0);
    const permanent = { linkIndex: link.index, validSeconds: Infinity, preferredSeconds: Infinity, protocol: 0 };
    const senders = ["10.77.0.1", "fd77::1"].map((local) => {
      routes.putAddress({ ...permanent, ip: ip(local), prefixLength: ip(local).family === 4 ? 24 : 64, nodad: true });
      return sender(local, { interface: "near", remote: ip(local.replace(/1$/, "2")) });
    });
    routes.deleteLink(link.index);
    assert.deepEqual(senders.map((each) => each.send(Uint8Array.of(1))), ["ENETUNREACH", "ENETUNREACH"]);
    for (const each of senders) each.close();
  }));
