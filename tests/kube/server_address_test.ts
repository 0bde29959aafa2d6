import assert from "node:assert/strict";
import { parseServer, parseServerOverride, serverAt } from "../../mod/kube/server_address.ts";

Deno.test("URLs of servers, and how they are written afterwards", () => {
  const good: [string, string][] = [
    ["https://10.0.0.1:6443", "https://10.0.0.1:6443"],
    ["https://k8s.example/clusters/a/", "https://k8s.example/clusters/a"],
    ["https://[fd00::1]:6443/", "https://[fd00::1]:6443"],
    ["https://Kubernetes", "https://kubernetes"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http://localhost:1", "http://localhost:1"],
    ["http://[::1]:1", "http://[::1]:1"],
  ];
  for (const [text, url] of good) assert.deepEqual(parseServer(text), { outcome: "valid", url }, text);
});

Deno.test("URLs that are no servers, or would send secrets in the clear", () => {
  const bad: [string, RegExp][] = [
    ["10.0.0.1", /no URL/],
    ["ftp://10.0.0.1", /neither an https/],
    ["https://user:word@10.0.0.1", /credentials/],
    ["https://10.0.0.1/?a=b", /query/],
    ["https://10.0.0.1/#a", /fragment/],
    ["http://10.0.0.1:8080", /use https/],
    ["http://127.0.0.1.example", /use https/],
  ];
  for (const [text, why] of bad) {
    const parsed = parseServer(text);
    assert.ok(parsed.outcome === "invalid", text);
    assert.match(parsed.why, why, text);
    assert.ok(!parsed.why.includes("word"));
  }
});

Deno.test("kubernetes_addr is a URL, or a host or address with or without port", () => {
  const good: [string, string][] = [
    ["10.0.0.1", "https://10.0.0.1:6443"],
    ["10.0.0.1:7443", "https://10.0.0.1:7443"],
    ["node1", "https://node1:6443"],
    ["node1:1", "https://node1:1"],
    ["fd00::1", "https://[fd00::1]:6443"],
    ["[fd00::1]", "https://[fd00::1]:6443"],
    ["[fd00::1]:7443", "https://[fd00::1]:7443"],
    [" https://node1:8443/ ", "https://node1:8443"],
    ["https://node1", "https://node1"],
  ];
  for (const [text, url] of good) assert.deepEqual(parseServerOverride(text, 6443), { outcome: "valid", url }, text);
  for (const text of ["a b", "node/1", "node1:port", "[fd00::1", "fd00::1::2", "ftp://x", "node:99999", "user@node"]) {
    assert.equal(parseServerOverride(text, 6443).outcome, "invalid", text);
  }
});

Deno.test("An address of six parts gets its brackets", () => {
  assert.equal(serverAt("fd00::1", 6443), "https://[fd00::1]:6443");
  assert.equal(serverAt("kubernetes", 6443), "https://kubernetes:6443");
});
