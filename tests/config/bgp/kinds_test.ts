import assert from "node:assert/strict";
import {
  communities,
  fitsMd5,
  ip,
  ipOf,
  largeCommunities,
  peerPassword,
  routerId,
} from "../../../mod/config/bgp/kinds.ts";
import { Findings, Place } from "../../../mod/config/findings.ts";
import { INVALID, type Kind, showValue } from "../../../mod/config/setting.ts";

/** The value, or what is wrong with the text. */
function read<T>(kind: Kind<T>, text: string): T | string {
  const findings = new Findings();
  const value = kind.fromText(text, new Place(findings, "key"));
  return value === INVALID ? findings.problems.map((one) => one.message).join() : value;
}

Deno.test("a router ID is an IPv4 address other than 0.0.0.0, refused in upstream's words", () => {
  assert.equal(read(routerId, "192.0.2.1"), "192.0.2.1");
  assert.match(String(read(routerId, "router")), /^invalid router-id format: must be an IPv4 address/);
  assert.match(String(read(routerId, "fd00::1")), /^router-id must be an IPv4 address/);
  assert.match(String(read(routerId, "0.0.0.0")), /^must be an IPv4 address, not 0\.0\.0\.0/);
});

Deno.test("communities are numbers of 32 bits, by their halves or by the name of a standard", () => {
  const values = (text: string): unknown => {
    const list = read(communities, text);
    return typeof list === "string" ? list : list.map(({ value }) => value);
  };
  assert.deepEqual(values("65000:100, 0:0,65535:65535"), [65000 * 65536 + 100, 0, 0xffff_ffff]);
  assert.deepEqual(values("no-export,NO-ADVERTISE,no-export-subconfed,no-peer,graceful-shutdown,blackhole"), [
    0xffff_ff01,
    0xffff_ff02,
    0xffff_ff03,
    0xffff_ff04,
    0xffff_0000,
    0xffff_029a,
  ]);
  for (const bad of ["1", "65536:0", "1:2:3", "-1:0", "a:b", "no-such"]) {
    assert.match(String(values(bad)), /must be a community like 65000:100, or no-export/, bad);
  }
  assert.match(String(values("1:1,".repeat(65))), /at most 64/);
  assert.equal(showValue(read(communities, "001:2,No-Export")), "1:2,no-export");
});

Deno.test("large communities are three numbers of 32 bits", () => {
  const [one] = read(largeCommunities, "4294967295:0:7") as readonly { value: unknown }[];
  assert.deepEqual(one?.value, { global: 4294967295, local1: 0, local2: 7 });
  for (const bad of ["1:2", "4294967296:0:0", "1:2:3:4", "no-export"]) {
    assert.match(String(read(largeCommunities, bad)), /must be a large community/, bad);
  }
});

Deno.test("addresses are canonical, and of the version that is asked for", () => {
  assert.equal(read(ip, "FD00:0::1"), "fd00::1");
  assert.deepEqual([ipOf(4, "10.0.0.1"), ipOf(4, "fd00::1"), ipOf(6, "fd00:0::1"), ipOf(6, "10.0.0.1"), ipOf(6, "x")], [
    "10.0.0.1",
    null,
    "fd00::1",
    null,
    null,
  ]);
});

Deno.test("a password has as many bytes as the kernel takes", () => {
  assert.ok(fitsMd5("ä".repeat(40)) && !fitsMd5("ä".repeat(41)));
  assert.equal(read(peerPassword, "x".repeat(80)), "x".repeat(80));
  assert.match(String(read(peerPassword, "x".repeat(81))), /at most 80/);
});
