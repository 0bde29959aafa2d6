import assert from "node:assert/strict";
import { isLoopback } from "../../mod/config/engines.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

const BACKENDS = "10.0.0.5:80";
const TLS = { certificateFile: "/c.pem", keyFile: "/k.pem" };

function given(balancer: Record<string, unknown>): Record<string, unknown> {
  return base({ loadBalancers: [{ port: 8000, backends: BACKENDS, bindToVip: true, ...balancer }] });
}

function problems(balancer: Record<string, unknown>): string {
  return problemLines(load(given(balancer))).join("\n");
}

Deno.test("without a word a balancer has threads of its own, unless only the kernel can do it", () => {
  const rows: [Record<string, unknown>, string][] = [
    [{}, "user"],
    [{ engine: "auto" }, "auto"],
    [{ engine: "kernel" }, "kernel"],
    [{ engine: "LISTEN" }, "listen"],
    [{ engine: "user", threads: 4 }, "user"],
    [{ type: "udp" }, "kernel"],
    [{ type: "udp", engine: "auto" }, "kernel"],
    [{ affinity: "source" }, "kernel"],
    [{ preserveClientAddress: true, engine: "auto" }, "kernel"],
    [{ type: "http", backends: "http://10.0.0.5" }, "user"],
    [{ type: "http", backends: "http://10.0.0.5", engine: "auto" }, "auto"],
    [{ type: "http", backends: "https://10.0.0.5" }, "user"],
  ];
  for (const [balancer, engine] of rows) {
    assert.equal(mustLoad(given(balancer)).balancers[0]?.engine, engine, JSON.stringify(balancer));
  }
});

Deno.test("what an engine cannot do is refused by name", () => {
  const http = { type: "http", backends: "http://10.0.0.5" };
  const rows: [Record<string, unknown>, RegExp][] = [
    [{ ...http, engine: "kernel" }, /engine "kernel": cannot balance http requests; must be user, listen or auto/],
    [{ ...http, affinity: "source" }, /affinity "source": needs the engine kernel/],
    [{ ...http, preserveClientAddress: true }, /preserveClientAddress "true": needs the engine kernel/],
    [{ type: "udp", engine: "listen" }, /engine "listen": cannot do type udp; must be kernel, or auto/],
    [{ type: "udp", engine: "user" }, /engine "user": cannot do type udp; must be kernel, or auto/],
    [{ affinity: "source", engine: "listen" }, /cannot do affinity source/],
    [{ affinity: "source", tls: TLS }, /tls: is more than the kernel can do/],
    [{ engine: "kernel", policy: "least-connections" }, /policy: is more than the kernel can do/],
    [{ engine: "kernel", ejection: { failures: 2 } }, /ejection: is more than the kernel can do/],
    [{ engine: "kernel", maxConnections: 10 }, /maxConnections: is more than the kernel can do/],
    [{ engine: "kernel", sendProxyProtocol: "v2" }, /sendProxyProtocol: is more than the kernel can do/],
    [{ engine: "kernel", threads: 2 }, /threads: is more than the kernel can do/],
    [{ type: "udp", connectTimeout: "1s" }, /connectTimeout: is more than the kernel can do/],
    [
      { engine: "listen", tls: TLS },
      /tls: is more than the engine listen can do; remove it, or use engine user or auto/,
    ],
    [{ ...http, engine: "listen", acceptProxyProtocol: true }, /acceptProxyProtocol: is more than the engine listen/],
    [{ ...http, engine: "listen", backends: "https://10.0.0.5" }, /has an https URL, which is more than the engine/],
    [{ ...http, sendProxyProtocol: "v1" }, /sendProxyProtocol "v1": is for load balancers of type tcp/],
    [{ tls: TLS, sendProxyProtocol: "v1" }, /sendProxyProtocol "v1": does not go together with tls/],
    [{ tls: TLS, acceptProxyProtocol: true }, /acceptProxyProtocol "true": does not go together with tls/],
    [{ ...http, backends: "https://10.0.0.5", acceptProxyProtocol: true }, /does not go together with https backends/],
    [
      { engine: "kernel", backends: "127.0.0.1:80" },
      /"127.0.0.1:80": is a loopback address, which the engine kernel cannot reach/,
    ],
  ];
  for (const [balancer, wanted] of rows) assert.match(problems(balancer), wanted);
  for (const fine of [{ ejection: false }, { policy: "round-robin" }, { drain: "1s" }, { healthCheck: false }]) {
    assert.equal(problems({ engine: "kernel", ...fine }), "", JSON.stringify(fine));
  }
});

Deno.test("TLS has one thread, which is said", () => {
  const https = { type: "http", backends: "https://10.0.0.5" };
  for (const balancer of [{ ...https, threads: 2 }, { tls: TLS, threads: 2 }]) {
    assert.match(warningLines(load(given(balancer))).join(), /threads.*: has no effect: a load balancer with/);
  }
});

Deno.test("what keeps the kernel from being chosen is known to the balancer", () => {
  const [balancer] = mustLoad(given({ engine: "auto", idleTimeout: "1m", ejection: true })).balancers;
  assert.deepEqual(balancer?.type === "tcp" ? balancer.listenOnly : null, ["idleTimeout", "ejection"]);
});

Deno.test("udp and tcp have ports of their own; datagrams are not checked unless asked for", () => {
  const backends = BACKENDS;
  const both = base({ loadBalancers: [{ port: 53, backends }, { type: "udp", port: 53, backends }] });
  const [tcp, udp] = mustLoad(both).balancers;
  assert.deepEqual([tcp?.health?.type, udp?.health], ["tcp", null]);
  const checked = given({ type: "udp", healthCheck: { type: "http" } });
  assert.equal(mustLoad(checked).balancers[0]?.health?.type, "http");
  const twice = base({ loadBalancers: [{ type: "udp", port: 53, backends }, { type: "udp", port: 53, backends }] });
  assert.match(problemLines(load(twice)).join(), /is the port of loadBalancers\[0\]/);
});

Deno.test("a udp balancer on every address may not take the datagrams of the election", () => {
  assert.match(problems({ type: "udp", port: 10_000, bindToVip: false }), /is where this member talks to its peers/);
  assert.equal(problems({ type: "udp", port: 10_000 }), "");
  assert.equal(problems({ port: 10_000, bindToVip: false }), "");
});

Deno.test("an address without backends of its family is pointed out", () => {
  const [warning = ""] = warningLines(load(given({ engine: "kernel", backends: "[fd00::5]:80" })));
  assert.match(warning, /backends: have no IPv4 address, so nothing is balanced for the VIP 10\.0\.0\.9/);
});

Deno.test("loopback addresses are told from others", () => {
  const of = (text: string): boolean => {
    const ip = parseIp(text);
    assert.ok(ip !== null);
    return isLoopback(ip);
  };
  assert.deepEqual(["127.0.0.1", "127.9.9.9", "::1", "128.0.0.1", "::2"].map(of), [true, true, true, false, false]);
});
