import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  NeighbourState,
  putNeighbour,
} from "../../../mod/net/netlink/neighbour.ts";
import { RouteMessage } from "../../../mod/net/netlink/rtnetlink.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, ip, message } from "./fixtures.ts";

/** An answer of Linux 6.18 to a dump. */
const ENTRY = `0200000003000000 80000001 08000100 0a010007 0a000200 020000000009 0000 08000400 00000000
  14000300 00000000000000000000000000000000`;
const mac = bytes("020000000009");

Deno.test("what the kernel answers is read", () => {
  assert.deepEqual(decodeNeighbour(message(RouteMessage.NEWNEIGH, bytes(ENTRY))), {
    ip: "10.1.0.7",
    linkIndex: 3,
    mac,
    state: NeighbourState.PERMANENT,
    router: false,
  });
  const unknown = "0a00000003000000 20000000 14000100 fd010000000000000000000000000007";
  assert.deepEqual(decodeNeighbour(message(RouteMessage.NEWNEIGH, bytes(unknown))), {
    ip: "fd01::7",
    linkIndex: 3,
    mac: new Uint8Array(),
    state: NeighbourState.FAILED,
    router: false,
  });
  const router = "0a00000003000000 0400 80 01 14000100 fe800000000000000000000000000007";
  assert.equal(decodeNeighbour(message(RouteMessage.NEWNEIGH, bytes(router)))?.router, true);
});

Deno.test("requests are written", () => {
  const made = putNeighbour(ip("10.1.0.7"), 3, { mac, state: NeighbourState.PERMANENT });
  assert.deepEqual(made.payload, bytes("0200000003000000 80000000 08000100 0a010007 0a000200 020000000009 0000"));
  assert.deepEqual(decodeNeighbour(echo(made))?.mac, mac);
  const gone = deleteNeighbour(ip("10.1.0.7"), 3);
  assert.equal(gone.type, RouteMessage.DELNEIGH);
  assert.deepEqual(gone.payload, bytes("0200000003000000 00000000 08000100 0a010007"));
  assert.deepEqual(dumpNeighbours().payload, new Uint8Array(12));
});

Deno.test("other families are left alone, malformed entries refused", () => {
  assert.equal(decodeNeighbour(message(RouteMessage.NEWNEIGH, bytes("0700000003000000 80000000"))), null);
  for (
    const digits of ["", "0200000003000000", "0200000003000000 80000000", "0200000003000000 80000000 0500 0100 0a"]
  ) {
    assert.throws(() => decodeNeighbour(message(RouteMessage.NEWNEIGH, bytes(digits))), WireError, digits);
  }
});

Deno.test("decodeNeighbour() survives whatever comes", () => {
  const decode = (input: Uint8Array): Uint8Array => {
    decodeNeighbour(message(RouteMessage.NEWNEIGH, input));
    return concat([input]);
  };
  fuzz({ decode, encode: (input) => input, samples: [bytes(ENTRY)] });
});
