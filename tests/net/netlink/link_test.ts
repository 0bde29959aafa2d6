import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import {
  changeLink,
  createLink,
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  type LinkRecord,
} from "../../../mod/net/netlink/link.ts";
import { MessageFlag, type NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import { RouteMessage } from "../../../mod/net/netlink/rtnetlink.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, message } from "./fixtures.ts";

/** Answers of Linux 6.18 to a dump, shortened by attributes that nobody reads. */
const LOOPBACK = `00000403 01000000 08000000 00000000 07000300 6c6f0000 08000d00 e8030000 05001000 02000000
  08000400 00000100 05002100 01000000 0a000100 000000000000 0000`;
const LOOPBACK_UP = `00000403 01000000 49000100 00000000 07000300 6c6f0000 05001000 00000000 08000400 00000100
  0a000100 000000000000 0000`;
const VETH = `00000100 03000000 43100100 00000000 07000300 76300000 05001000 06000000 08000400 dc050000
  08000a00 04000000 05002100 01000000 0a000100 020000000001 0000 10001200 09000100 7665746800000000 08000500 03000000`;

const veth: LinkRecord = {
  index: 3,
  name: "v0",
  mac: bytes("020000000001"),
  up: true,
  running: true,
  operState: "up",
  loopback: false,
  hardwareType: 1,
  mtu: 1500,
  master: 4,
  kind: "veth",
};
const loopback: LinkRecord = {
  index: 1,
  name: "lo",
  mac: new Uint8Array(6),
  up: false,
  running: false,
  operState: "other",
  loopback: true,
  hardwareType: 772,
  mtu: 65536,
  master: 0,
  kind: "",
};

Deno.test("what the kernel answers is read", () => {
  const table: [string, LinkRecord][] = [
    [LOOPBACK, loopback],
    [LOOPBACK_UP, { ...loopback, up: true, running: true, operState: "unknown" }],
    [VETH, veth],
    [VETH.replace("05001000 06", "05001000 02"), { ...veth, running: false, operState: "other" }],
    [VETH.replace("43100100", "03100000"), { ...veth, running: false }],
    ["0000ffff 05000000 00000000 00000000 08000300 74756e00", {
      ...loopback,
      index: 5,
      name: "tun",
      mac: new Uint8Array(),
      operState: "unknown",
      loopback: false,
      hardwareType: 65535,
      mtu: 0,
    }],
  ];
  for (const [digits, wanted] of table) {
    assert.deepEqual(decodeLink(message(RouteMessage.NEWLINK, bytes(digits))), wanted, digits);
  }
});

const NOBODY = "00000000 00000000 00000000 00000000";

Deno.test("requests are written as iproute2 writes them", () => {
  const table: [NetlinkRequest, number, string][] = [
    // iproute2 leaves the closing zero of the kind away, and the nested bit.
    [
      createLink({ kind: "veth", name: "va", peerName: "vb" }),
      RouteMessage.NEWLINK,
      `${NOBODY} 07000300 76610000
      30001280 09000100 7665746800000000 20000280 1c000100 ${NOBODY} 07000300 76620000`,
    ],
    [changeLink(6, { up: true }), RouteMessage.NEWLINK, "00000000 06000000 01000000 01000000"],
    [changeLink(6, { up: false }), RouteMessage.NEWLINK, "00000000 06000000 00000000 01000000"],
    [changeLink(6, { master: 4 }), RouteMessage.NEWLINK, "00000000 06000000 00000000 00000000 08000a00 04000000"],
    [deleteLink(6), RouteMessage.DELLINK, "00000000 06000000 00000000 00000000"],
    [getLink("v0"), RouteMessage.GETLINK, `${NOBODY} 07000300 76300000 08001d00 08000000`],
    [dumpLinks(), RouteMessage.GETLINK, `${NOBODY} 08001d00 08000000`],
  ];
  for (const [request, type, wanted] of table) {
    assert.equal(request.type, type);
    assert.deepEqual(request.payload, bytes(wanted), request.op);
  }
});

Deno.test("a peer can be born in another namespace, a bridge forwards at once", () => {
  const pair = createLink({ kind: "veth", name: "va", peerName: "vb", peerNamespaceFd: 9 });
  assert.ok(pair.payload.toHex().endsWith("0700030076620000" + "08001c0009000000"));
  const bridge = createLink({ kind: "bridge", name: "br0" });
  assert.equal(bridge.flags, MessageFlag.CREATE | MessageFlag.EXCLUSIVE);
  assert.deepEqual(
    bridge.payload,
    bytes(`${NOBODY} 08000300 62723000 2c001280 0b000100 6272696467650000
      1c000280 08000100 00000000 08000500 00000000 05001700 00000000`),
  );
});

Deno.test("what is written decodeLink() reads", () => {
  const made = decodeLink(echo(createLink({ kind: "dummy", name: "dummy0" })));
  assert.deepEqual([made.name, made.kind], ["dummy0", "dummy"]);
  const mac = bytes("020000000009");
  const changed = decodeLink(
    echo(changeLink(7, { up: true, master: 3, mac, mtu: 1400, name: "eth7", namespaceFd: 5 })),
  );
  const { index, up, master, mtu, name } = changed;
  assert.deepEqual([index, up, master, mtu, name, changed.mac], [7, true, 3, 1400, "eth7", mac]);
});

Deno.test("malformed links are refused", () => {
  for (
    const digits of ["", "00000403 01000000", "00000403 01000000 08000000 00000000 0300 0300", `${NOBODY} 0900 0300 6c`]
  ) {
    assert.throws(() => decodeLink(message(RouteMessage.NEWLINK, bytes(digits))), WireError, digits);
  }
});

Deno.test("decodeLink() survives whatever comes", () => {
  const decode = (input: Uint8Array): Uint8Array => {
    decodeLink(message(RouteMessage.NEWLINK, input));
    return concat([input]);
  };
  fuzz({ decode, encode: (input) => input, samples: [LOOPBACK, VETH].map(bytes) });
});
