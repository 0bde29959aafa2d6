import assert from "node:assert/strict";
import { encodeArpFrame, gratuitousReply, gratuitousRequest, probe } from "../../mod/net/arp.ts";
import {
  arpSenderFilter,
  type BpfProgram,
  encodeBpf,
  MAX_FILTER_ADDRESSES,
  neighbourAdvertFilter,
  neighbourFilter,
} from "../../mod/net/bpf.ts";
import { type Ip, ipFromBytes, parseIp } from "../../mod/net/ip.ts";
import {
  duplicateProbe,
  encodeNeighbour,
  type NeighbourFrame,
  routersAdvert,
  unsolicitedAdvert,
} from "../../mod/net/ndp.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { type Received, runBpf } from "./bpf_machine.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null);
  return parsed;
}

const MAC = Uint8Array.fromHex("020000000002");
const PEER = Uint8Array.fromHex("020000000003");

function passes(program: BpfProgram, bytes: Uint8Array, beside: Partial<Received> = {}): boolean {
  const kept = runBpf(program, { bytes, packetType: 1, vlan: null, ...beside });
  assert(kept === 0 || kept >= 65_535, `${kept} bytes kept: a part of the frame`);
  return kept > 0;
}

/** `count` IPv4 addresses that differ in every byte. */
function many4(count: number): Ip[] {
  return Array.from({ length: count }, (_, i) => ipFromBytes([10 + (i % 7), i >> 8, (i * 31) & 0xff, i & 0xff]));
}

/** `count` IPv6 addresses: of one network, or each of its own. */
function many6(count: number, networks: "one" | "each"): Ip[] {
  const spread = networks === "each" ? 1 : 0;
  return Array.from({ length: count }, (_, i) =>
    ipFromBytes(
      [0xfd, spread * (i >> 8), spread * i & 0xff, 1, 0, 0, 0, spread, 0, 0, 0, spread, 0xff, 0, i >> 8, i & 0xff],
    ));
}

const bytesOf = (ips: readonly Ip[]): Uint8Array[] => ips.map((each) => each.bytes);

Deno.test("the ARP filter passes every claim to a listed address and nothing else", () => {
  const listed = ip("10.0.0.1");
  const program = arpSenderFilter(bytesOf([listed, ip("192.168.7.9")]));
  const ask = (senderIp: Ip, targetIp: Ip): Uint8Array =>
    encodeArpFrame({
      destination: PEER,
      source: MAC,
      arp: { operation: "request", senderMac: MAC, senderIp, targetMac: PEER, targetIp },
    });
  const table: readonly (readonly [string, Uint8Array, boolean])[] = [
    ["announcement", gratuitousRequest(MAC, listed), true],
    ["gratuitous reply", gratuitousReply(MAC, listed), true],
    ["the other listed address", gratuitousReply(MAC, ip("192.168.7.9")), true],
    ["a request the claimant sends", ask(listed, ip("10.0.0.7")), true],
    ["a question for a listed address", ask(ip("10.0.0.7"), listed), false],
    ["a probe for a listed address", probe(MAC, listed), false],
    ["another address", gratuitousReply(MAC, ip("10.0.0.2")), false],
    ["IPv6", unsolicitedAdvert(MAC, { source: ip("fe80::1"), target: ip("fd00::1") }), false],
  ];
  for (const [name, frame, wanted] of table) assert.equal(passes(program, frame), wanted, name);
});

Deno.test("the ARP filter refuses each malformed header and each cut frame", () => {
  const program = arpSenderFilter(bytesOf([ip("10.0.0.1")]));
  const good = gratuitousReply(MAC, ip("10.0.0.1"));
  for (const at of [12, 13, 14, 15, 16, 17, 18, 19, 28, 29, 30, 31]) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    assert.equal(passes(program, bad), false, `offset ${at}`);
  }
  for (let size = 0; size < 32; size++) assert.equal(passes(program, good.subarray(0, size)), false, `cut to ${size}`);
});

/** Frames for one target with the verdict of a filter that lists it. */
function neighbourFrames(target: Ip): readonly (readonly [string, Uint8Array, boolean])[] {
  const source = ip("fe80::7");
  const advert = { type: "advertisement", target, router: false, override: true, targetMac: MAC } as const;
  const from = (frame: Omit<NeighbourFrame, "destinationMac" | "sourceMac">): Uint8Array =>
    encodeNeighbour({ destinationMac: PEER, sourceMac: MAC, ...frame });
  return [
    ["unsolicited advertisement", unsolicitedAdvert(MAC, { source, target }), true],
    ["advertisement to the routers", routersAdvert(MAC, { source: target, target }), true],
    ["solicited", from({ source, destination: ip("fe80::8"), message: { ...advert, solicited: true } }), true],
    ["duplicate address probe", duplicateProbe(MAC, target), true],
    [
      "a question from a neighbour",
      from({ source, destination: ip("fe80::8"), message: { type: "solicitation", target, sourceMac: MAC } }),
      false,
    ],
    ["other target", unsolicitedAdvert(MAC, { source: target, target: ip("fd00::ffff:1") }), false],
    ["probe for another", duplicateProbe(MAC, ip("fd00::ffff:1")), false],
    ["ARP", gratuitousReply(MAC, ip("10.0.0.1")), false],
  ];
}

Deno.test("the neighbour filter passes every claim to a listed address and nothing else", () => {
  const listed = [ip("fd00::1"), ip("2001:db8::ffff:fffe"), ip("fd00::2")];
  const program = neighbourAdvertFilter(bytesOf(listed));
  for (const target of listed) {
    for (const [name, frame, wanted] of neighbourFrames(target)) {
      assert.equal(passes(program, frame, { packetType: 2 }), wanted, `${target.text} ${name}`);
    }
  }
  // Words of two listed addresses mixed: no address of the list.
  for (const text of ["fd00::ffff:fffe", "2001:db8::1", "fd00:0:0:1::1", "fd00::1:0:1", "2001:db8::2"]) {
    assert.equal(passes(program, duplicateProbe(MAC, ip(text))), false, text);
  }
});

Deno.test("the neighbour filter refuses each malformed header and each cut frame", () => {
  const target = ip("fd00::1");
  const program = neighbourAdvertFilter([target.bytes]);
  const advert = unsolicitedAdvert(MAC, { source: ip("fe80::7"), target });
  const probing = duplicateProbe(MAC, target);
  const changeable = [12, 13, 20, 21, ...Array.from({ length: 16 }, (_, i) => 62 + i)];
  for (const [good, places] of [[advert, changeable], [probing, [...changeable, 22, 26, 30, 37]]] as const) {
    for (const at of places) {
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ 1;
      assert.equal(passes(program, bad), false, `offset ${at}`);
    }
    for (let size = 0; size < 78; size++) {
      assert.equal(passes(program, good.subarray(0, size)), false, `cut to ${size}`);
    }
  }
  for (const type of [0, 128, 133, 134, 137, 255]) {
    const bad = probing.slice();
    bad[54] = type;
    assert.equal(passes(program, bad), false, `type ${type}`);
  }
});

Deno.test("frames of another VLAN, for other hosts or of our own sending are refused", () => {
  const cases: readonly (readonly [string, Partial<Received>, boolean])[] = [
    ["to us", { packetType: 0 }, true],
    ["broadcast", { packetType: 1 }, true],
    ["to a group", { packetType: 2 }, true],
    ["to another host", { packetType: 3 }, false],
    ["sent by us", { packetType: 4 }, false],
    ["looped back", { packetType: 5 }, false],
    ["of VLAN 1", { vlan: 1 }, false],
    ["of VLAN 4095, with priority", { vlan: 0xefff }, false],
    ["with a priority tag only", { vlan: 0xe000 }, true],
    ["with an empty tag", { vlan: 0 }, true],
  ];
  const v4 = ip("10.0.0.1");
  const v6 = ip("fd00::1");
  for (const [name, beside, wanted] of cases) {
    assert.equal(passes(arpSenderFilter([v4.bytes]), gratuitousReply(MAC, v4), beside), wanted, name);
    assert.equal(passes(neighbourAdvertFilter([v6.bytes]), duplicateProbe(MAC, v6), beside), wanted, name);
  }
});

Deno.test("lists of every length up to the limit are exact, where jumps of 8 bits do not reach", () => {
  for (const count of [1, 2, 254, 255, 256, 257, 300, MAX_FILTER_ADDRESSES]) {
    const [outside4, ...ips4] = many4(count + 1);
    const program4 = arpSenderFilter(bytesOf(ips4));
    for (const each of ips4) assert.equal(passes(program4, gratuitousReply(MAC, each)), true, each.text);
    assert(outside4 !== undefined);
    assert.equal(passes(program4, gratuitousReply(MAC, outside4)), false);
    for (const networks of ["one", "each"] as const) {
      const [outside6, ...ips6] = many6(count + 1, networks);
      const program6 = neighbourAdvertFilter(bytesOf(ips6));
      for (const each of ips6) assert.equal(passes(program6, duplicateProbe(MAC, each)), true, each.text);
      assert(outside6 !== undefined);
      assert.equal(passes(program6, duplicateProbe(MAC, outside6)), false);
    }
  }
});

Deno.test("random lists pass their members and refuse neighbours one bit away", () => {
  const seed = seedFromEnv(77);
  const random = seededRandom(seed);
  let strangers = 0;
  for (let round = 0; round < 200; round++) {
    // Words from a small set, so that addresses share beginnings in all ways.
    const words = Array.from({ length: 3 }, () => Math.floor(random() * 2 ** 32));
    const pick = (): number[] => {
      const word = words[Math.floor(random() * 3)] ?? 0;
      return [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff];
    };
    const list = Array.from(
      { length: 1 + Math.floor(random() * 30) },
      () => ipFromBytes([0xfd, 0, 0, 0, ...pick(), ...pick(), ...pick()]),
    );
    const program = neighbourAdvertFilter(bytesOf(list));
    for (const member of list) {
      const where = `seed ${seed} round ${round} ${member.text}`;
      assert.equal(passes(program, duplicateProbe(MAC, member)), true, where);
      const near = member.bytes.slice();
      const at = 1 + Math.floor(random() * 15);
      near[at] = (near[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      const stranger = ipFromBytes(near);
      if (list.some((each) => each.text === stranger.text)) continue;
      strangers++;
      assert.equal(passes(program, duplicateProbe(MAC, stranger)), false, `${where} near ${stranger.text}`);
    }
  }
  assert(strangers > 1_000, "nothing to refuse was tried");
});

Deno.test("an empty list lets nothing through, a repeated address costs nothing, a list over the limit is refused", () => {
  const v4 = ip("10.0.0.1");
  const v6 = ip("fd00::1");
  assert.equal(passes(arpSenderFilter([]), gratuitousReply(MAC, v4)), false);
  assert.equal(passes(neighbourAdvertFilter([]), duplicateProbe(MAC, v6)), false);
  assert.deepEqual(arpSenderFilter([v4.bytes, v4.bytes]), arpSenderFilter([v4.bytes]));
  const over = MAX_FILTER_ADDRESSES + 1;
  assert.throws(() => arpSenderFilter(bytesOf(many4(over))), { name: "AssertionError" });
  assert.throws(() => neighbourAdvertFilter(bytesOf(many6(over, "each"))), { name: "AssertionError" });
  assert.throws(() => arpSenderFilter([v6.bytes]), { name: "AssertionError" });
  assert.throws(() => neighbourAdvertFilter([v4.bytes]), { name: "AssertionError" });
});

Deno.test("RFC 5082: the hop count filter passes 255 and nothing less, and refuses what is cut before it", () => {
  for (const [family, at] of [[4, 14 + 8], [6, 14 + 7]] as const) {
    for (let hops = 0; hops <= 255; hops++) {
      // Everything but the hop count says the opposite.
      const bytes = new Uint8Array(60).fill(hops === 255 ? 0 : 255);
      bytes[at] = hops;
      assert.equal(passes(neighbourFilter(family), bytes), hops === 255, `IPv${family} with ${hops}`);
    }
    assert.ok(!passes(neighbourFilter(family), new Uint8Array(at).fill(255)));
  }
});

Deno.test("a program is encoded as an array of struct sock_filter", () => {
  const bytes = encodeBpf([{ code: 0x28, jt: 0, jf: 0, k: 12 }, { code: 0x15, jt: 1, jf: 255, k: 0xfffff004 }]);
  assert.equal(bytes.toHex(), "280000000c000000" + "150001ff04f0ffff");
});
