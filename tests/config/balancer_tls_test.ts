import assert from "node:assert/strict";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

function given(balancer: Record<string, unknown>): Record<string, unknown> {
  return base({ loadBalancers: [{ port: 8443, ...balancer }] });
}

const TCP = { backends: "10.0.0.5:80" };
const HTTPS = { type: "http", backends: "https://10.0.0.5" };

Deno.test("certificates, keys and authorities reach the balancer", () => {
  const tls = { certificateFile: "/c.pem", keyFile: "/k.pem" };
  assert.deepEqual(mustLoad(given({ ...TCP, tls })).balancers[0]?.tls, tls);
  const backendTls = { caFile: "/ca.pem", serverName: "web.example", ...tls };
  const [balancer] = mustLoad(given({ ...HTTPS, backendTls })).balancers;
  assert.deepEqual(balancer?.type === "http" ? balancer.backendTls : null, {
    caFile: "/ca.pem",
    serverName: "web.example",
    client: tls,
  });
});

Deno.test("half of a pair, a relative path and an empty group are refused by name", () => {
  const rows: [Record<string, unknown>, RegExp][] = [
    [{ ...TCP, tls: { certificateFile: "/c" } }, /tls.keyFile: is missing: a certificate and its key belong together/],
    [{ ...TCP, tls: { keyFile: "/k" } }, /tls.certificateFile: is missing/],
    [{ ...TCP, tls: {} }, /tls: names no files; must be \{certificateFile, keyFile\}/],
    [{ ...TCP, tls: true }, /tls "true": must be \{certificateFile, keyFile\}, not/],
    [{ ...TCP, tls: { certificateFile: "c", keyFile: "/k" } }, /tls.certificateFile "c": must be an absolute path/],
    [{ ...TCP, tls: { certificate: "/c", keyFile: "/k" } }, /tls.certificate: is not a known setting/],
    [{ ...HTTPS, backendTls: { keyFile: "/k" } }, /backendTls.certificateFile: is missing/],
    [{ ...HTTPS, backendTls: { serverName: "a b" } }, /serverName "a b": must be a host name or an IP address/],
  ];
  for (const [balancer, wanted] of rows) assert.match(problemLines(load(given(balancer))).join("\n"), wanted);
});

Deno.test("a key in place of the name of its file is not repeated", () => {
  for (const key of ["-----BEGIN PRIVATE KEY-----\nMIIE", "/-----BEGIN PRIVATE KEY-----MIIE", "MIIE".repeat(50)]) {
    for (const balancer of [{ ...TCP, tls: { keyFile: key } }, { ...HTTPS, backendTls: { keyFile: key } }]) {
      const lines = problemLines(load(given(balancer))).join("\n");
      assert.match(lines, /keyFile "\*+": must be the absolute path of a file, not what is in it/);
      assert.doesNotMatch(lines, /MIIE/);
    }
  }
});

Deno.test("what speaks to https backends is idle without them", () => {
  const backendTls = { caFile: "/ca.pem" };
  const plain = { type: "http", backends: "http://10.0.0.5" };
  assert.match(warningLines(load(given({ ...plain, backendTls }))).join(), /backendTls: has no effect: no backend/);
  assert.match(
    warningLines(load(given({ ...TCP, backendTls }))).join(),
    /has no effect: only load balancers of type http/,
  );
});
