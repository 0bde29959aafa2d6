import assert from "node:assert/strict";
import { AssertionError } from "../../../mod/base/assert.ts";
import { WireError } from "../../../mod/net/errors.ts";
import {
  AddressFlag,
  type AddressRecord,
  type AddressRequest,
  decodeAddress,
  deleteAddress,
  dumpAddresses,
  putAddress,
} from "../../../mod/net/netlink/address.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import { MessageFlag } from "../../../mod/net/netlink/message.ts";
import { RouteMessage } from "../../../mod/net/netlink/rtnetlink.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, ip, message } from "./fixtures.ts";

/** Answers of Linux 6.18 to a dump. */
const PLAIN = `0218800003000000 08000100 0a010001 08000200 0a010001 07000300 76300000 08000800 80000000
  14000600 ffffffff ffffffff 10760500 10760500`;
const HELD = `0220200003000000 08000100 0a6200c8 08000200 0a6200c8 07000300 76300000 05000b00 4d000000
  08000800 20000000 14000600 00000000 05000000 10760500 10760500`;
const HELD6 = `0a80220003000000 14000100 fd980000000000000000000000000200 14000600 00000000 05000000 10760500 10760500
  08000800 22000000 05000b00 4d000000`;

const held = { linkIndex: 3, scope: 0, protocol: 77, validSeconds: 5, preferredSeconds: 0 };
const ANSWERS: [string, AddressRecord][] = [
  [PLAIN, {
    ip: "10.1.0.1",
    prefixLength: 24,
    linkIndex: 3,
    scope: 0,
    protocol: 0,
    validSeconds: Infinity,
    preferredSeconds: Infinity,
    flags: AddressFlag.PERMANENT,
  }],
  [HELD, { ip: "10.98.0.200", prefixLength: 32, ...held, flags: AddressFlag.DEPRECATED }],
  [HELD6, { ip: "fd98::200", prefixLength: 128, ...held, flags: AddressFlag.DEPRECATED | AddressFlag.NODAD }],
];

Deno.test("what the kernel answers is read", () => {
  for (const [digits, wanted] of ANSWERS) {
    assert.deepEqual(decodeAddress(message(RouteMessage.NEWADDR, bytes(digits))), wanted);
  }
});

Deno.test("a kernel that does not know IFA_PROTO and IFA_FLAGS is read as well", () => {
  const old = "0220200003000000 08000200 0a6200c8";
  const record = decodeAddress(message(RouteMessage.NEWADDR, bytes(old)));
  assert.deepEqual([record?.protocol, record?.flags, record?.validSeconds], [0, AddressFlag.DEPRECATED, Infinity]);
});

Deno.test("the own end of a point-to-point link is IFA_LOCAL", () => {
  const digits = "0220800003000000 08000100 0a010002 08000200 0a010001";
  assert.equal(decodeAddress(message(RouteMessage.NEWADDR, bytes(digits)))?.ip, "10.1.0.1");
});

const request: AddressRequest = {
  ip: ip("fd98::200"),
  prefixLength: 128,
  linkIndex: 3,
  validSeconds: 5,
  preferredSeconds: 0,
  nodad: true,
  protocol: 77,
};

Deno.test("putAddress() writes lifetimes, flags and mark", () => {
  const { payload, type, flags, subject } = putAddress(request);
  assert.equal(type, RouteMessage.NEWADDR);
  assert.equal(flags, MessageFlag.CREATE | MessageFlag.REPLACE);
  assert.equal(subject, "fd98::200/128 on link 3");
  assert.deepEqual(
    payload,
    bytes(`0a80000003000000 14000200 fd980000000000000000000000000200 14000100 fd980000000000000000000000000200
      14000600 00000000 05000000 00000000 00000000 08000800 02000000 05000b00 4d000000`),
  );
});

Deno.test("deleteAddress() writes what iproute2 writes", () => {
  const { payload, type } = deleteAddress(ip("10.98.0.200"), 32, 3);
  assert.equal(type, RouteMessage.DELADDR);
  assert.deepEqual(payload, bytes("0220000003000000 08000200 0a6200c8 08000100 0a6200c8"));
});

Deno.test("dumpAddresses() asks for everything, with a header of zeros as strict checking wants it", () => {
  assert.deepEqual(dumpAddresses().payload, new Uint8Array(8));
  assert.equal(dumpAddresses().flags, MessageFlag.DUMP);
});

Deno.test("lifetimes that the kernel would refuse are the programmer's error", () => {
  for (
    const lifetimes of [{ validSeconds: 0 }, { validSeconds: 5, preferredSeconds: 6 }, { validSeconds: Number.NaN }]
  ) {
    assert.throws(() => putAddress({ ...request, ...lifetimes }), AssertionError);
  }
});

Deno.test("what putAddress() writes decodeAddress() reads", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let round = 0; round < 500; round++) {
    const address = ip(random() < 0.5 ? `10.${below(256)}.0.${below(256)}` : `fd${10 + below(90)}::${1 + below(999)}`);
    const validSeconds = random() < 0.2 ? Infinity : 1 + below(0xffff_fffe);
    const fields = { prefixLength: below(33), linkIndex: 1 + below(1000), validSeconds, protocol: below(256) };
    const preferredSeconds = random() < 0.5 ? 0 : validSeconds;
    const nodad = random() < 0.5;
    const scope = below(256);
    const written = echo(putAddress({ ip: address, ...fields, preferredSeconds, nodad, scope }));
    const flags = nodad ? AddressFlag.NODAD : 0;
    const wanted = { ip: address.text, ...fields, preferredSeconds, scope, flags };
    assert.deepEqual(decodeAddress(written), wanted, `seed ${seed} round ${round}`);
  }
});

Deno.test("other families are left alone, and malformed addresses refused", () => {
  assert.equal(decodeAddress(message(RouteMessage.NEWADDR, bytes("1c18800003000000"))), null);
  for (
    const digits of [
      "",
      "02188000",
      "0218800003000000",
      "0218800003000000 07000200 0a0100 00",
      "0a18800003000000 08000100 0a010001",
    ]
  ) {
    assert.throws(() => decodeAddress(message(RouteMessage.NEWADDR, bytes(digits))), WireError, digits);
  }
});

Deno.test("decodeAddress() survives whatever comes", () => {
  const decode = (input: Uint8Array): Uint8Array => {
    decodeAddress(message(RouteMessage.NEWADDR, input));
    return concat([input]);
  };
  fuzz({ decode, encode: (input) => input, samples: [PLAIN, HELD, HELD6].map(bytes) });
});
