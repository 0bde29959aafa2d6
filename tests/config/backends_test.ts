import assert from "node:assert/strict";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

/** A configuration with one balancer that has these backends. */
const withBackends = (type: string, backends: unknown, more: Record<string, unknown> = {}): Record<string, unknown> => {
  return base({ loadBalancers: [{ type, port: 8000, backends, ...more }] });
};

Deno.test("tcp backends are addresses with ports and weights, as mappings or text", () => {
  const rows: [unknown, unknown][] = [
    [[{ address: "10.0.0.5", port: 80, weight: 3 }], [{ address: "10.0.0.5", port: 80, weight: 3 }]],
    ["10.0.0.5:80, [fd00::5]:81", [{ address: "10.0.0.5", port: 80, weight: 1 }, {
      address: "fd00::5",
      port: 81,
      weight: 1,
    }]],
    [["fd00::5:81"], [{ address: "fd00::5", port: 81, weight: 1 }]],
    [[{ address: "10.0.0.5" }, { address: "10.0.0.6", port: 0 }], [
      { address: "10.0.0.5", port: 99, weight: 1 },
      { address: "10.0.0.6", port: 99, weight: 1 },
    ]],
  ];
  for (const [backends, wanted] of rows) {
    assert.deepEqual(mustLoad(withBackends("tcp", backends, { backendPort: 99 })).balancers[0]?.backends, wanted);
  }
});

Deno.test("http backends are URLs, or addresses that become URLs", () => {
  const given = [{ url: "http://web.example.org" }, { url: "HTTP://10.0.0.5:81/p/" }, { address: "fd00::5", port: 82 }];
  const [balancer] = mustLoad(withBackends("http", given)).balancers;
  assert.deepEqual(balancer?.backends.map((one) => "url" in one ? one.url.href : ""), [
    "http://web.example.org/",
    "http://10.0.0.5:81/p/",
    "http://[fd00::5]:82/",
  ]);
});

Deno.test("backends that cannot be reached are refused with the reason", () => {
  const rows: [string, unknown, string][] = [
    ["tcp", [{ address: "web.example.org", port: 80 }], "a host name is not one"],
    ["tcp", [{ port: 80 }], "names no machine"],
    ["tcp", [{ address: "10.0.0.5" }], "port: is missing: give the backend a port"],
    ["tcp", ["10.0.0.5"], 'backends[0] "10.0.0.5": must be address:port'],
    ["tcp", "10.0.0.5:0", "must be a port from 1 to 65535"],
    ["tcp", [["10.0.0.5:80"]], "not a list"],
    ["tcp", [{ url: "http://h" }], "only load balancers of type http use"],
    ["tcp", ["https://h"], "only load balancers of type http use"],
    ["http", [{ url: "h:80" }], "Unable to parse, ensure it's prefixed with http://"],
    ["http", [{ url: "http://" }], "Unable to parse"],
    ["http", [{ url: "http://me:hush@h/" }], '"http://********@h/": must not contain a user name'],
    ["http", [{ url: "http://h/#x" }], "must not contain a query or a fragment"],
  ];
  for (const [type, backends, reason] of rows) {
    const lines = problemLines(load(withBackends(type, backends)));
    assert.equal(lines.length, 1, `${JSON.stringify(backends)}: ${lines.join("\n")}`);
    assert.ok(lines[0]?.includes(reason) && !lines[0].includes("hush"), lines[0]);
  }
});

Deno.test("an address beside a URL has no effect, which is said", () => {
  const both = [{ url: "http://10.0.0.5", address: "10.0.0.6", port: 80 }];
  assert.match(
    warningLines(load(withBackends("http", both))).join(),
    /backends\[0\].address: has no effect: the url is used/,
  );
});
