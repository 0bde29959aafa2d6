import assert from "node:assert/strict";
import { decodeCapabilities, encodeCapability } from "../../../mod/net/bgp/capability.ts";
import { BgpError } from "../../../mod/net/bgp/notification.ts";
import type { Capability } from "../../../mod/net/bgp/types.ts";

const RESTART = {
  is: "graceful-restart",
  restarting: false,
  notification: false,
  restartTimeS: 0,
  families: [],
} as const;

/** Written by hand from the figures of the RFCs. */
const CAPABILITIES: readonly (readonly [string, string, Capability])[] = [
  ["RFC 4760 §8, IPv4", "010400010001", { is: "multiprotocol", family: 4 }],
  ["RFC 4760 §8, IPv6", "010400020001", { is: "multiprotocol", family: 6 }],
  ["RFC 4760 §8, VPN-IPv4", "010400010080", { is: "other", code: 1, value: Uint8Array.of(0, 1, 0, 128) }],
  ["RFC 2918 §2", "0200", { is: "route-refresh" }],
  [
    "RFC 8950 §4",
    "0506000100010002",
    { is: "extended-next-hop", pairs: [{ family: 4, nextHopFamily: 6 }] },
  ],
  ["RFC 8950 §4, none", "0500", { is: "extended-next-hop", pairs: [] }],
  ["RFC 4724 §3, R and 120 s", "40028078", { ...RESTART, restarting: true, restartTimeS: 120 }],
  ["RFC 8538 §2, N", "40024fff", { ...RESTART, notification: true, restartTimeS: 4095 }],
  [
    "RFC 4724 §3, families",
    "400ac05a0001018000020100",
    {
      is: "graceful-restart",
      restarting: true,
      notification: true,
      restartTimeS: 90,
      families: [{ family: 4, forwarding: true }, { family: 6, forwarding: false }],
    },
  ],
  ["RFC 6793 §3", "410400011170", { is: "four-octet-as", as: 70000 }],
  ["RFC 6793 §3, the largest", "4104ffffffff", { is: "four-octet-as", as: 0xffffffff }],
  ["RFC 7313 §3.1", "4600", { is: "enhanced-route-refresh" }],
  ["one that is not known", "49020001", { is: "other", code: 73, value: Uint8Array.of(0, 1) }],
  ["one that is not known and empty", "ff00", { is: "other", code: 255, value: new Uint8Array() }],
];

Deno.test("capabilities are written to and read from their octets", () => {
  for (const [name, octets, capability] of CAPABILITIES) {
    assert.equal(Uint8Array.from(encodeCapability(capability)).toHex(), octets, name);
    assert.deepEqual(decodeCapabilities(Uint8Array.fromHex(octets)), [capability], name);
  }
  const all = CAPABILITIES.map(([, octets]) => octets).join("");
  assert.deepEqual(decodeCapabilities(Uint8Array.fromHex(all)), CAPABILITIES.map(([, , capability]) => capability));
});

Deno.test("families that are not known are left out of lists, and bits that are not assigned are passed over", () => {
  const rows: readonly (readonly [string, Capability])[] = [
    ["050c000100800002" + "000200010001", { is: "extended-next-hop", pairs: [{ family: 6, nextHopFamily: 4 }] }],
    ["0506000100010019", { is: "extended-next-hop", pairs: [] }],
    ["400600010019" + "4680", { ...RESTART, restartTimeS: 1 }],
    ["40063001" + "0001017f", { ...RESTART, restartTimeS: 1, families: [{ family: 4, forwarding: false }] }],
    ["01040001ff01", { is: "multiprotocol", family: 4 }],
  ];
  for (const [octets, capability] of rows) {
    assert.deepEqual(decodeCapabilities(Uint8Array.fromHex(octets)), [capability], octets);
  }
});

Deno.test("malformed capabilities are answered with 2/0, AS 0 with 2/2 (RFC 7607 §2)", () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ["no length", "41", 0],
    ["longer than the parameter", "4104000100", 0],
    ["second one cut", "020046", 0],
    ["multiprotocol of 3 octets", "0103000100", 0],
    ["multiprotocol of 5 octets", "01050001000100", 0],
    ["route refresh with a value", "020100", 0],
    ["extended next hop of 5 octets", "05050001000100", 0],
    ["graceful restart of no octet", "4000", 0],
    ["graceful restart of 1 octet", "400100", 0],
    ["graceful restart of 5 octets", "40050000000101", 0],
    ["four-octet AS of 2 octets", "41020001", 0],
    ["four-octet AS of 5 octets", "41050000000100", 0],
    ["enhanced route refresh with a value", "460100", 0],
    ["AS 0", "410400000000", 2],
  ];
  for (const [name, octets, subcode] of rows) {
    assert.throws(() => decodeCapabilities(Uint8Array.fromHex(octets)), (error) => {
      assert(error instanceof BgpError, name);
      assert.deepEqual([error.code, error.subcode], [2, subcode], name);
      return true;
    });
  }
});

Deno.test("a value that is kept outlives the message", () => {
  const bytes = Uint8Array.fromHex("49020102");
  const [capability] = decodeCapabilities(bytes);
  bytes.fill(0);
  assert.deepEqual(capability, { is: "other", code: 73, value: Uint8Array.of(1, 2) });
});
