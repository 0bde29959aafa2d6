import assert from "node:assert/strict";
import { counterOf, endpointKey, hostOrder, parsed, portKey, serviceKey } from "../../../mod/balance/kernel/words.ts";
import { NAMES, WEB } from "./services.ts";

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("keys have each part in a multiple of four bytes", () => {
  assert.equal(hex(portKey(WEB)), "06000000" + "00500000");
  assert.equal(hex(portKey(NAMES)), "11000000" + "00350000");
  assert.equal(hex(endpointKey({ ip: parsed("10.0.0.1"), port: 8080 })), "0a000001" + "1f900000");
  assert.equal(endpointKey({ ip: parsed("fd00::1"), port: 8080 }).length, 20);
  assert.equal(hex(hostOrder(1)), "01000000");
});

Deno.test("a backend is counted by service and family", () => {
  const four = counterOf(WEB, { address: "10.0.0.1", port: 8080 });
  assert.deepEqual([four.connections.set, four.bytes.set], ["new4", "traffic4"]);
  assert.equal(hex(four.key), "0600000000500000" + "0a0000011f900000");
  assert.equal(counterOf(WEB, { address: "fd00::1", port: 8080 }).connections.set, "new6");
});

Deno.test("a service is named by protocol and port; what is no address is a mistake of the program", () => {
  assert.deepEqual([serviceKey(WEB), serviceKey(NAMES)], ["tcp80", "udp53"]);
  assert.throws(() => parsed("ten"), /is an address/);
});
