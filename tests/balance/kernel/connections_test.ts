import assert from "node:assert/strict";
import { backendName, Connections, type ConnectionTools } from "../../../mod/balance/kernel/connections.ts";
import { Errno, SysError } from "../../../mod/linux/errno.ts";
import { type Ip, ipFromBytes, parseIp } from "../../../mod/net/ip.ts";
import { type ConntrackEntry, TcpState } from "../../../mod/net/netlink/conntrack.ts";
import { CtStatus } from "../../../mod/net/netlink/nft_balance.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { WEB } from "./services.ts";

const NOTHING = { packets: 0, bytes: 0 };
const ONE = backendName("10.0.0.1", 8080);
const TWO = backendName("10.0.0.2", 8080);

function bytes(text: string): Uint8Array {
  return (parseIp(text) ?? assert.fail(text)).bytes;
}

function entry(
  id: number,
  changes: { vip?: string; backend?: string; state?: number; status?: number } = {},
): ConntrackEntry {
  const { vip = "10.0.0.9", backend = "10.0.0.1", state = TcpState.ESTABLISHED, status = CtStatus.DST_NAT } = changes;
  const client = { ip: bytes("192.0.2.7"), port: 40_000 + id };
  return {
    id,
    family: 4,
    zone: 0,
    original: { source: client.ip, destination: bytes(vip), protocol: 6, sourcePort: client.port, destinationPort: 80 },
    reply: {
      source: bytes(backend),
      destination: bytes("10.0.0.3"),
      protocol: 6,
      sourcePort: 8080,
      destinationPort: client.port,
    },
    status,
    mark: 0,
    tcpState: state,
    sent: NOTHING,
    received: NOTHING,
  };
}

class FakeKernel {
  readonly clock = new VirtualClock();
  entries: ConntrackEntry[] = [];
  total: number | null = null;
  looks = 0;
  lists = 0;
  closed = 0;
  readonly deleted: number[] = [];
  readonly sentTo: string[] = [];
  readonly pauses: number[] = [];

  tools(): ConnectionTools {
    return {
      list: {
        list: ({ family }) => {
          this.looks++;
          return this.entries.filter((one) => one.family === family);
        },
        close: () => void this.closed++,
      },
      slices: {
        total: () => this.total ?? this.entries.length,
        forEach: ({ family }, visit) => {
          this.lists++;
          for (const one of this.entries.filter((each) => each.family === family)) visit(one);
          return Promise.resolve();
        },
        delete: ({ id }) => {
          this.deleted.push(id);
          return "deleted";
        },
        close: () => {
          this.closed++;
          return Promise.resolve();
        },
      },
      raw: {
        send: (packet: Uint8Array, to: Ip) => {
          this.sentTo.push(`${ipFromBytes(packet.subarray(12, 16)).text} > ${to.text}`);
          return "sent";
        },
        close: () => void this.closed++,
      },
      clock: this.clock,
      pause: (ms) => void this.pauses.push(ms),
      localAddresses: () => ["10.0.0.3", "10.0.0.9"],
    };
  }
}

Deno.test("live connections are counted by backend; what is over, or somebody else's, is not", () => {
  const kernel = new FakeKernel();
  kernel.entries = [
    entry(1),
    entry(2, { backend: "10.0.0.2" }),
    entry(3, { state: TcpState.TIME_WAIT }),
    entry(4, { status: 0 }),
    entry(5, { backend: "10.0.0.77" }),
    entry(6, { state: TcpState.SYN_SENT }),
  ];
  const connections = new Connections(kernel.tools());
  assert.deepEqual(connections.countNow(WEB), new Map([[ONE, 2], [TWO, 1]]));
  const looks = kernel.looks;
  connections.countNow(WEB);
  assert.equal(kernel.looks, looks, "one look serves for a while");
  kernel.clock.advance(1000);
  connections.countNow(WEB);
  assert.ok(kernel.looks > looks);
});

Deno.test("where there are many connections they are counted in slices", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1)];
  kernel.total = 1_000_000;
  const connections = new Connections(kernel.tools());
  assert.equal(connections.countNow(WEB), null);
  assert.deepEqual(await connections.count(WEB), new Map([[ONE, 1]]));
});

Deno.test("a release ends what came to the address, at both ends, before it returns", () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1), entry(2, { vip: "10.0.0.10" }), entry(3, { state: TcpState.TIME_WAIT })];
  new Connections(kernel.tools()).cut(WEB, { vip: "10.0.0.9" });
  assert.deepEqual(kernel.deleted, [1, 3]);
  assert.deepEqual(kernel.sentTo, ["10.0.0.9 > 192.0.2.7", "10.0.0.3 > 10.0.0.1"]);
  assert.equal(kernel.pauses.length, 1, "the answers are waited for");
});

Deno.test("only clients hear of a backend that is dead, and only its own; that takes one look for all balancers", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1), entry(2, { backend: "10.0.0.2" })];
  const connections = new Connections(kernel.tools());
  for (const port of [81, 80, 82]) connections.cut({ ...WEB, port }, { backend: TWO });
  assert.deepEqual(kernel.deleted, [], "heartbeats come first");
  await connections.settled();
  assert.equal(kernel.lists, 2, "one a family");
  assert.deepEqual(kernel.deleted, [2]);
  assert.deepEqual(kernel.sentTo, ["10.0.0.9 > 192.0.2.7"]);
});

Deno.test("several balancers that let go in one turn share one look; the next turn looks again", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1)];
  const connections = new Connections(kernel.tools());
  for (const port of [80, 81, 82]) connections.cut({ ...WEB, port }, { vip: "10.0.0.9" });
  assert.equal(kernel.looks, 1);
  await Promise.resolve();
  connections.cut(WEB, { vip: "10.0.0.9" });
  assert.equal(kernel.looks, 2);
});

Deno.test("many connections are ended in slices soon after; a close waits for that", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1)];
  kernel.total = 1_000_000;
  const connections = new Connections(kernel.tools());
  connections.cut(WEB, {});
  assert.deepEqual(kernel.deleted, []);
  await connections.close();
  await connections.close();
  assert.deepEqual(kernel.deleted, [1]);
  assert.equal(kernel.closed, 3);
});

Deno.test("a kernel that refuses to list does not end the process", () => {
  const kernel = new FakeKernel();
  const tools = kernel.tools();
  const refusing = {
    ...tools,
    list: {
      ...tools.list,
      list: () => {
        throw new SysError("list connections", Errno.ENOBUFS);
      },
    },
  };
  new Connections(refusing).cut(WEB, { vip: "10.0.0.9" });
});

Deno.test("what balancers have left behind ends with its address, and the rest at the end; the oldest are forgotten", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [
    entry(1),
    entry(2, { vip: "10.0.0.8" }),
    entry(3, { backend: "10.0.0.77" }),
    entry(4, { vip: "10.0.0.7" }),
  ];
  const connections = new Connections(kernel.tools());
  connections.released("10.0.0.9");
  assert.deepEqual(kernel.deleted, [], "nobody has left anything");
  const service = { ...WEB, vips: ["10.0.0.9", "10.0.0.8"] };
  connections.leave(service);
  connections.leave(service);
  connections.released("10.0.0.9");
  assert.deepEqual(kernel.deleted.splice(0), [1], "of each once");
  await connections.close();
  assert.deepEqual(kernel.deleted, [1, 2]);
  const full = new Connections(kernel.tools());
  for (let port = 1; port <= 65; port++) full.leave({ ...WEB, port: port === 1 ? WEB.port : 1000 + port });
  kernel.deleted.splice(0);
  full.released("10.0.0.9");
  assert.deepEqual(kernel.deleted, []);
  await full.close();
});

Deno.test("what others have translated from another address to the same backend is not counted, nor ended", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [entry(1), entry(2, { vip: "10.96.0.1" })];
  const connections = new Connections(kernel.tools());
  assert.deepEqual(connections.countNow(WEB), new Map([[ONE, 1]]));
  connections.cut(WEB, { backend: ONE });
  connections.cut(WEB, {});
  await connections.settled();
  assert.deepEqual(kernel.deleted, [1]);
  connections.cut({ ...WEB, vips: null }, { backend: ONE });
  await connections.settled();
  assert.deepEqual(kernel.deleted, [1, 1, 2], "of every address where it serves every address");
});

Deno.test("flows of datagrams that stayed on this machine are gathered, and nothing else", async () => {
  const kernel = new FakeKernel();
  const udp = (id: number, changes: Parameters<typeof entry>[1]): ConntrackEntry => {
    const { original, ...rest } = entry(id, { status: 0, ...changes });
    return { ...rest, original: { ...original, protocol: 17 } };
  };
  kernel.entries = [
    udp(1, {}),
    udp(2, { vip: "10.0.0.3" }),
    udp(3, { vip: "8.8.8.8" }),
    udp(4, { status: CtStatus.DST_NAT }),
    entry(5, { status: 0 }),
  ];
  const connections = new Connections(kernel.tools());
  connections.gather({ ...WEB, protocol: "udp" });
  await connections.settled();
  assert.deepEqual(kernel.deleted.splice(0), [1], "to the held address");
  connections.gather({ ...WEB, protocol: "udp", vips: null });
  await connections.settled();
  assert.deepEqual(kernel.deleted.splice(0), [1, 2], "to every address of this machine");
  connections.gather(WEB);
  await connections.settled();
  assert.deepEqual([kernel.deleted, kernel.sentTo], [[], []], "TCP begins anew by itself");
});

Deno.test("what goes to nobody's backend is ended where a service comes for the first time", async () => {
  const kernel = new FakeKernel();
  kernel.entries = [
    entry(1),
    entry(2, { backend: "10.0.0.77" }),
    entry(3, { backend: "10.0.0.78" }),
    entry(4, { backend: "10.0.0.77", vip: "10.96.0.1" }),
    entry(5, { status: 0 }),
  ];
  const connections = new Connections(kernel.tools());
  connections.leave({ ...WEB, backends: [{ address: "10.0.0.78", port: 8080, weight: 1, usable: false }] });
  for (const vips of [null, [], ["10.0.0.8"]]) connections.gather({ ...WEB, vips });
  await connections.settled();
  assert.deepEqual([kernel.deleted, kernel.sentTo], [[], []], "others may translate from all other addresses");
  connections.gather(WEB);
  await connections.settled();
  assert.deepEqual(kernel.deleted, [2]);
  assert.deepEqual(kernel.sentTo, ["10.0.0.9 > 192.0.2.7", "10.0.0.3 > 10.0.0.77"]);
  const { lists } = kernel;
  connections.gather(WEB);
  await connections.settled();
  assert.deepEqual([kernel.deleted, kernel.lists], [[2], lists], "once");
});
