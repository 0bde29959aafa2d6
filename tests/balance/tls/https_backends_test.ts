/** An http balancer in front of backends that are spoken to by TLS. */
import assert from "node:assert/strict";
import type { BackendTls, HttpBalancerConfig } from "../../../mod/config/types.ts";
import { quietPort } from "../../fakes/ports.ts";
import { ask, eventually, httpConfig, portOf, withBalancer } from "../kit.ts";
import { Authority, type CertificateFiles, readPair, withAuthority } from "./certificates.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

function toSecure(
  port: number,
  backendTls: Partial<BackendTls>,
  changes: Partial<HttpBalancerConfig> = {},
): HttpBalancerConfig {
  const backends = [{ url: new URL(`https://127.0.0.1:${port}`), weight: 1 }];
  return httpConfig([], {
    backends,
    backendTls: { caFile: null, serverName: null, client: null, ...backendTls },
    ...changes,
  });
}

async function withHttps(files: CertificateFiles, body: (port: number) => Promise<void>): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {}, ...await readPair(files) };
  const server = Deno.serve(options, (request, { remoteAddr }) => {
    const { port } = remoteAddr as Deno.NetAddr;
    return new Response(`${request.headers.get("x-forwarded-proto")} from ${port}`);
  });
  try {
    await body(server.addr.port);
  } finally {
    await server.shutdown();
  }
}

Deno.test("requests are answered through TLS, and the connection to the backend is kept", () =>
  withAuthority(async (authority) => {
    const files = await authority.issue("backend", { names: "DNS:backend.example" });
    await withHttps(files, async (port) => {
      const tls = { caFile: authority.caFile, serverName: "backend.example" };
      await withBalancer(toSecure(port, tls), async (balancer) => {
        const answers = [await ask(portOf(balancer), GET), await ask(portOf(balancer), GET)];
        assert.match(answers[0] ?? "", /^HTTP\/1\.1 200 OK\r\n[^]*http from \d+$/);
        assert.equal(answers[0]?.match(/\d+$/)?.[0], answers[1]?.match(/\d+$/)?.[0], "the same connection");
      });
    });
  }));

Deno.test("a backend whose certificate is not accepted is answered for with 502, and its status says why", () =>
  withAuthority(async (authority) => {
    const { caFile } = authority;
    const other = await Authority.make(authority.dir, "other");
    const good = await authority.issue("good", { names: "DNS:backend.example" });
    const old = await authority.issue("old", { names: "DNS:backend.example", validity: "expired" });
    const rows: [CertificateFiles, Partial<BackendTls>, RegExp][] = [
      [
        good,
        { caFile, serverName: "wrong.example" },
        /certificate is not for wrong\.example: it is for backend\.example/,
      ],
      [good, { caFile: other.caFile, serverName: "backend.example" }, /not from an issuer that is trusted/],
      [old, { caFile, serverName: "backend.example" }, /has expired/],
    ];
    for (const [files, tls, detail] of rows) {
      await withHttps(files, async (port) => {
        const config = toSecure(port, tls, { ejection: { failures: 1, restMs: 60_000 } });
        await withBalancer(config, async (balancer) => {
          const answer = await ask(portOf(balancer), GET);
          assert.match(answer, /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*the backend's certificate is not accepted/);
          assert.match(balancer.status().backends[0]?.detail ?? "", detail);
        });
      });
    }
  }));

Deno.test("checks go through TLS: a certificate that is not accepted takes the backend down", () =>
  withAuthority(async (authority) => {
    const files = await authority.issue("backend", { names: "DNS:backend.example" });
    const times = { intervalMs: 20, timeoutMs: 2000, rise: 1, fall: 1 };
    for (const type of ["http", "tcp"] as const) {
      const health = { type, path: "/", expectMin: 200, expectMax: 299, ...times };
      await withHttps(files, async (port) => {
        const good = toSecure(port, { caFile: authority.caFile, serverName: "backend.example" }, { health });
        await withBalancer(good, async (balancer) => {
          await eventually(() => balancer.status().backends[0]?.state === "up", "it is up");
        });
        const bad = toSecure(port, { caFile: authority.caFile, serverName: "wrong.example" }, { health });
        await withBalancer(bad, async (balancer) => {
          await eventually(() => balancer.status().backends[0]?.state === "down", "it is down");
          assert.match(balancer.status().backends[0]?.detail ?? "", /certificate is not for wrong\.example/);
        });
      });
    }
  }));

/** `openssl s_server` that wants a client's certificate and answers with a page about the connection. */
async function withDemandingServer(authority: Authority, body: (port: number) => Promise<void>): Promise<void> {
  const files = await authority.issue("backend", { names: "DNS:backend.example" });
  const port = quietPort();
  const own = ["-cert", files.certificateFile, "-key", files.keyFile, "-CAfile", authority.caFile];
  const args = ["s_server", "-accept", `127.0.0.1:${port}`, ...own, "-Verify", "1", "-verify_return_error", "-www"];
  const server = new Deno.Command("openssl", { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  try {
    const reader = server.stdout.getReader();
    for (let said = ""; !said.includes("ACCEPT");) {
      const { value, done } = await reader.read();
      assert.ok(!done, said);
      said += new TextDecoder().decode(value);
    }
    const rest = (async (): Promise<void> => {
      while (!(await reader.read()).done);
    })();
    await body(port);
    server.kill("SIGKILL");
    await rest;
  } finally {
    await server.status;
  }
}

Deno.test("a backend that demands a client certificate gets it, and without one it is 502 with the reason", () =>
  withAuthority(async (authority) => {
    const client = await authority.issue("client", { names: "DNS:balancer.example" });
    await withDemandingServer(authority, async (port) => {
      const tls = { caFile: authority.caFile, serverName: "backend.example" };
      await withBalancer(toSecure(port, { ...tls, client }), async (balancer) => {
        const answer = await ask(portOf(balancer), GET);
        assert.match(answer, /^HTTP\/1\.1 200 /i);
        assert.match(answer, /CN ?= ?client/, "the server names who came");
      });
      await withBalancer(toSecure(port, tls), async (balancer) => {
        const answer = await ask(portOf(balancer), GET);
        assert.match(answer, /^HTTP\/1\.1 502 /);
        assert.match(answer, /the backend refused TLS: it requires a client certificate/);
      });
    });
  }));
