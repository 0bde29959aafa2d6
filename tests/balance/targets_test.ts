import assert from "node:assert/strict";
import { backendTargets } from "../../mod/balance/targets.ts";
import { httpConfig, tcpConfig } from "./kit.ts";

Deno.test("tcp backends", () => {
  const config = { ...tcpConfig([]), backends: [{ address: "fd00::1", port: 80, weight: 2 }] };
  const target = {
    name: "[fd00::1]:80",
    weight: 2,
    hostname: "fd00::1",
    port: 80,
    host: "[fd00::1]:80",
    pathPrefix: "",
    isSecure: false,
  };
  assert.deepEqual(backendTargets(config), [target]);
});

Deno.test("http backends: default port, brackets, and the path as a prefix", () => {
  const rows: [string, string, number, string, string][] = [
    ["http://10.0.0.1", "10.0.0.1", 80, "10.0.0.1", ""],
    ["http://10.0.0.1:8080/", "10.0.0.1", 8080, "10.0.0.1:8080", ""],
    ["http://web.example/app", "web.example", 80, "web.example", "/app"],
    ["http://[fd00::1]:81/a/b/", "fd00::1", 81, "[fd00::1]:81", "/a/b"],
    ["https://web.example", "web.example", 443, "web.example", ""],
    ["https://web.example:8443/app", "web.example", 8443, "web.example:8443", "/app"],
  ];
  for (const [url, hostname, port, host, pathPrefix] of rows) {
    const [target] = backendTargets({ ...httpConfig([]), backends: [{ url: new URL(url), weight: 1 }] });
    assert.deepEqual(
      [target?.hostname, target?.port, target?.host, target?.pathPrefix, target?.isSecure],
      [hostname, port, host, pathPrefix, url.startsWith("https:")],
      url,
    );
  }
});
