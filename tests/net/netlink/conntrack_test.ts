import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import {
  ConntrackMessage,
  decodeConntrack,
  decodeConntrackCount,
  deleteConntrack,
  dumpConntrack,
  getConntrackCount,
  matches,
  TcpState,
} from "../../../mod/net/netlink/conntrack.ts";
import { MessageFlag, type NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import { CtStatus } from "../../../mod/net/netlink/nft_balance.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, ip, message } from "./fixtures.ts";

const TCP = 6;
const ORIGINAL4 = `34000180 14000180 08000100 0a5a0002 08000200 0a5a0064
  1c000280 05000100 06000000 06000200 cb4e0000 06000300 1f900000`;
/** What Linux 6.18 lists of a connection that was translated and masqueraded, both counted. */
const LISTED4 = `02000000 ${ORIGINAL4}
  34000280 14000180 08000100 0a5b0102 08000200 0a5b0101
  1c000280 05000100 06000000 06000200 a3e50000 06000300 cb4e0000
  08000300 000001be 08000800 00000007 08000c00 6af3ae7b 08000b00 00000001 08000700 0006977f
  30000480 2c000180 05000100 03000000 05000200 0a000000 05000300 0a000000 06000400 23000000 06000500 23000000
  1c000980 0c000100 00000000 00000003 0c000200 00000000 000000a4
  1c000a80 0c000100 00000000 00000002 0c000200 00000000 00000071`;
/** The same of IPv6, not counted. */
const LISTED6 = `0a000000 4c000180
  2c000180 14000300 fd900000 00000000 00000000 00000002 14000400 fd900000 00000000 00000000 00000100
  1c000280 05000100 06000000 06000200 80b20000 06000300 1f900000
  4c000280 2c000180 14000300 fd910001 00000000 00000000 00000002 14000400 fd910001 00000000 00000000 00000001
  1c000280 05000100 06000000 06000200 91ed0000 06000300 80b20000
  08000300 000001be 08000800 00000000 08000c00 3acb1ec5 08000b00 00000001 08000700 0006977f
  30000480 2c000180 05000100 03000000 05000200 0a000000 05000300 0a000000 06000400 23000000 06000500 23000000`;

function tuple(from: [string, number], to: [string, number]): object {
  const [source, destination] = [ip(from[0]).bytes, ip(to[0]).bytes];
  return { source, destination, protocol: TCP, sourcePort: from[1], destinationPort: to[1] };
}

Deno.test("a connection is read as the kernel lists it", () => {
  const status = CtStatus.SEEN_REPLY | CtStatus.ASSURED | CtStatus.CONFIRMED | CtStatus.SRC_NAT | CtStatus.DST_NAT;
  const entry = decodeConntrack(message(ConntrackMessage.NEW, bytes(LISTED4)));
  assert.deepEqual(entry, {
    id: 0x6af3ae7b,
    family: 4,
    zone: 0,
    original: tuple(["10.90.0.2", 52046], ["10.90.0.100", 8080]),
    reply: tuple(["10.91.1.2", 41957], ["10.91.1.1", 52046]),
    // Bits 7 and 8: both translations are done.
    status: status | 0x180,
    mark: 7,
    tcpState: TcpState.ESTABLISHED,
    sent: { packets: 3, bytes: 164 },
    received: { packets: 2, bytes: 113 },
  });
  const six = decodeConntrack(message(ConntrackMessage.NEW, bytes(LISTED6)));
  assert.deepEqual(six?.original, tuple(["fd90::2", 32946], ["fd90::100", 8080]));
  assert.deepEqual(six?.reply, tuple(["fd91:1::2", 37357], ["fd91:1::1", 32946]));
  assert.deepEqual([six?.family, six?.sent], [6, { packets: 0, bytes: 0 }]);
});

const vip = { ip: ip("10.90.0.100"), port: 8080 };
const backend = { ip: ip("10.91.1.2"), port: 41957 };

Deno.test("questions and deletions are laid out as the kernel reads them", () => {
  const entry = decodeConntrack(message(ConntrackMessage.NEW, bytes(LISTED4))) ?? assert.fail();
  const table: [NetlinkRequest, number, number, string][] = [
    [getConntrackCount(), ConntrackMessage.GET_STATS, 0, "00000000"],
    [dumpConntrack({ family: 6 }), ConntrackMessage.GET, MessageFlag.DUMP, "0a000000"],
    [deleteConntrack(entry), ConntrackMessage.DELETE, 0, `02000000 ${ORIGINAL4} 08000c00 6af3ae7b`],
    [
      deleteConntrack({ ...entry, zone: 3 }),
      ConntrackMessage.DELETE,
      0,
      `02000000 ${ORIGINAL4} 06001200 00030000 08000c00 6af3ae7b`,
    ],
    [
      dumpConntrack({ family: 4, protocol: TCP, destination: vip, backend }),
      ConntrackMessage.GET,
      MessageFlag.DUMP,
      `02000000
       24000180 0c000180 08000200 0a5a0064 14000280 05000100 06000000 06000300 1f900000
       24000280 0c000180 08000100 0a5b0102 14000280 05000100 06000000 06000200 a3e50000
       14001980 08000100 2a000000 08000200 19000000`,
    ],
    // Without a protocol the kernel cannot look at ports.
    [
      dumpConntrack({ family: 4, backend }),
      ConntrackMessage.GET,
      MessageFlag.DUMP,
      `02000000 14000280 0c000180 08000100 0a5b0102 04000280 14001980 08000100 00000000 08000200 01000000`,
    ],
    // Addresses of IPv6 it compares wrongly.
    [
      dumpConntrack({ family: 6, protocol: TCP, destination: { ip: ip("fd90::100"), port: 8080 } }),
      ConntrackMessage.GET,
      MessageFlag.DUMP,
      `0a000000 1c000180 04000180 14000280 05000100 06000000 06000300 1f900000
       14000280 04000180 0c000280 05000100 06000000
       14001980 08000100 28000000 08000200 08000000`,
    ],
  ];
  for (const [request, type, flags, wanted] of table) {
    assert.deepEqual([request.type, request.flags], [type, flags], request.op);
    assert.deepEqual(request.payload, bytes(wanted), `${request.op} ${request.subject}`);
  }
  assert.equal(
    table[4]?.[0].subject,
    "of IPv4 to 10.90.0.100 port 8080 with 10.91.1.2 port 41957",
  );
});

Deno.test("matches() compares all that is named", () => {
  const entry = decodeConntrack(message(ConntrackMessage.NEW, bytes(LISTED4))) ?? assert.fail();
  for (
    const filter of [
      {},
      { protocol: TCP },
      { destination: vip },
      { backend },
      { protocol: TCP, destination: vip, backend },
    ]
  ) assert.ok(matches(entry, { family: 4, ...filter }), JSON.stringify(filter));
  for (
    const filter of [
      { family: 6 as const },
      { protocol: 17 },
      { destination: { ...vip, port: 80 } },
      { destination: { ...vip, ip: ip("10.90.0.101") } },
      { destination: { ...vip, ip: ip("fd90::100") } },
      { backend: { ...backend, port: 41958 } },
      { backend: { ...backend, ip: vip.ip } },
    ]
  ) assert.ok(!matches(entry, { family: 4, ...filter }), JSON.stringify(filter));
});

Deno.test("the count is read, and 0 where an old kernel does not say", () => {
  const answer = "00000000 08000100 0000c350 08000200 00040000";
  assert.equal(decodeConntrackCount(message(0, bytes(answer))), 50_000);
  assert.equal(decodeConntrackCount(message(0, bytes("00000000"))), 0);
});

Deno.test("other families are left alone, malformed connections refused", () => {
  assert.equal(decodeConntrack(message(ConntrackMessage.NEW, bytes("07000000"))), null);
  for (
    const digits of [
      "02000000",
      LISTED4.replace("08000100 0a5a0002", "06000100 0a5a0000"),
      LISTED4.replace("08000c00 6af3ae7b", "06000c00 6af30000"),
      `0a${LISTED4.slice(2)}`,
    ]
  ) assert.throws(() => decodeConntrack(message(ConntrackMessage.NEW, bytes(digits))), WireError, digits);
});

Deno.test("the reader of connections survives whatever comes", () => {
  fuzz({
    decode: (input) => {
      const entry = decodeConntrack(message(0, input));
      if (entry !== null) deleteConntrack(entry);
      return input;
    },
    encode: (input) => Uint8Array.from(input),
    samples: [bytes(LISTED4), bytes(LISTED6)],
  });
});
