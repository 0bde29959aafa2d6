import assert from "node:assert/strict";
import { gratuitousReply, gratuitousRequest, probe } from "../../mod/net/arp.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { duplicateProbe, routersAdvert, unsolicitedAdvert } from "../../mod/net/ndp.ts";
import { sightingIn } from "../../mod/vip/sighting.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
const V4 = ip("10.0.0.9");
const V6 = ip("fd00::9");
const LINK_LOCAL = ip("fe80::99");

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

Deno.test("announcements of both families and all forms are claims", () => {
  const rows: [string, Uint8Array, string][] = [
    ["request form", gratuitousRequest(MAC, V4), V4.text],
    ["reply form", gratuitousReply(MAC, V4), V4.text],
    ["to all nodes", unsolicitedAdvert(MAC, { source: LINK_LOCAL, target: V6 }), V6.text],
    ["to all routers", routersAdvert(MAC, { source: LINK_LOCAL, target: V6 }), V6.text],
  ];
  for (const [name, frame, text] of rows) {
    assert.deepEqual(sightingIn(frame), { ip: text, mac: "02:00:00:00:00:99" }, name);
  }
});

Deno.test("probes of both families claim nothing", () => {
  assert.equal(sightingIn(probe(MAC, V4)), null);
  assert.equal(sightingIn(duplicateProbe(MAC, V6)), null);
});

Deno.test("what is neither, or broken, claims nothing", () => {
  const whole = gratuitousReply(MAC, V4);
  assert.equal(sightingIn(new Uint8Array(0)), null);
  assert.equal(sightingIn(new Uint8Array(60)), null);
  for (let length = 0; length < 42; length++) assert.equal(sightingIn(whole.slice(0, length)), null, `${length} bytes`);
});
