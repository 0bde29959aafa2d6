import assert from "node:assert/strict";
import { type EndpointSlice, type EndpointSliceList, otherServers } from "../../mod/health/slices.ts";

const HTTPS = [{ name: "https", port: 6443 }];

function slice(addresses: readonly string[], ports: EndpointSlice["ports"] = HTTPS): EndpointSlice {
  return { endpoints: [{ addresses }], ...(ports === undefined ? {} : { ports }) };
}

Deno.test("the other API servers are every address of the slices but this machine's", () => {
  const table: [EndpointSliceList, string[]][] = [
    [{ items: [slice(["10.0.0.1", "10.0.0.2", "10.0.0.3"])] }, ["https://10.0.0.2:6443", "https://10.0.0.3:6443"]],
    [{ items: [slice(["10.0.0.2"]), slice(["10.0.0.2", "10.0.0.3"])] }, [
      "https://10.0.0.2:6443",
      "https://10.0.0.3:6443",
    ]],
    [{ items: [slice(["FD00:0::2", "fd00::1"], [{ name: "https", port: 443 }])] }, ["https://[fd00::2]:443"]],
    [{ items: [slice(["10.0.0.2"], [{ name: "metrics", port: 9 }, { name: "https", port: 6444 }])] }, [
      "https://10.0.0.2:6444",
    ]],
    [{ items: [{ endpoints: [{ addresses: ["10.0.0.2"] }, { addresses: ["10.0.0.3"] }], ports: [{ port: 1 }] }] }, [
      "https://10.0.0.2:1",
      "https://10.0.0.3:1",
    ]],
  ];
  for (const [list, expected] of table) {
    assert.deepEqual(otherServers(list, new Set(["10.0.0.1", "fd00::1"])), expected);
  }
});

Deno.test("what is not as it should be is passed over", () => {
  const table: EndpointSliceList[] = [
    {},
    { items: null },
    { items: [{}] },
    { items: [{ endpoints: null, ports: null }] },
    { items: [{ endpoints: [{}], ports: HTTPS }] },
    { items: [slice(["10.0.0.2"], [])] },
    { items: [slice(["10.0.0.2"], [{ name: "https", port: null }])] },
    { items: [slice(["evil.example/", "10.0.0.2@x", "010.0.0.2", ""])] },
  ];
  for (const list of table) assert.deepEqual(otherServers(list, new Set()), [], JSON.stringify(list));
});

Deno.test("a list without end is cut", () => {
  const addresses = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  assert.equal(otherServers({ items: [slice(addresses)] }, new Set()).length, 16);
});
