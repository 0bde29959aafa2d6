import assert from "node:assert/strict";
import { BalancerError } from "../../../mod/balance/balancer.ts";
import type { DialOutcome } from "../../../mod/balance/dial.ts";
import { BackendTlsDialer } from "../../../mod/balance/tls/backend_tls.ts";
import type { BackendTls } from "../../../mod/config/types.ts";
import { connectionResetter as resetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { deadPort } from "../kit.ts";
import { Authority, type CertificateFiles, readPair, withAuthority } from "./certificates.ts";
import { LogLines } from "./kit.ts";

/** A server that answers "hello" to whoever agrees on TLS with it. */
async function withServer(files: CertificateFiles, body: (port: number) => Promise<void>): Promise<void> {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...await readPair(files) });
  const conns: Promise<void>[] = [];
  const running = (async (): Promise<void> => {
    for await (const conn of listener) conns.push(greet(conn).finally(() => conn.close()));
  })();
  try {
    await body((listener.addr as Deno.NetAddr).port);
  } finally {
    listener.close();
    await running;
    // Every client closes its end, also after what it refused.
    await Promise.all(conns);
  }
}

async function greet(conn: Deno.TlsConn): Promise<void> {
  await conn.write(new TextEncoder().encode("hello")).then(() => endOf(conn)).catch(() => {});
}

interface Try extends Partial<BackendTls> {
  readonly hostname?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function dialOnce(
  port: number,
  { hostname = "127.0.0.1", timeoutMs = 3000, signal, ...tls }: Try,
  log = new LogLines(),
): Promise<DialOutcome> {
  const config = { caFile: null, serverName: null, client: null, ...tls };
  const dialer = new BackendTlsDialer({ name: "web", config, clock: systemClock, log, resetter });
  try {
    const options = { clock: systemClock, timeoutMs, signal: signal ?? new AbortController().signal };
    return await dialer.dial({ hostname, port, isSecure: true }, options);
  } finally {
    dialer.close();
  }
}

async function greeting(outcome: DialOutcome): Promise<string> {
  assert.equal(outcome.outcome, "connected", JSON.stringify(outcome));
  if (outcome.outcome !== "connected") return "";
  const buffer = new Uint8Array(16);
  const count = await outcome.conn.read(buffer);
  outcome.conn.close();
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

Deno.test("the certificate has to carry the host of the URL or the server name that was configured", () =>
  withAuthority(async (authority) => {
    const { caFile } = authority;
    const files = await authority.issue("backend", { names: "DNS:backend.example,DNS:localhost,IP:127.0.0.1" });
    await withServer(files, async (port) => {
      assert.equal(await greeting(await dialOnce(port, { caFile })), "hello");
      assert.equal(await greeting(await dialOnce(port, { caFile, hostname: "localhost" })), "hello");
      assert.equal(await greeting(await dialOnce(port, { caFile, serverName: "backend.example" })), "hello");
      const client = await authority.issue("client", { names: "DNS:client" });
      assert.equal(await greeting(await dialOnce(port, { caFile, serverName: "backend.example", client })), "hello");
      for (const one of [null, client]) {
        const wrong = await dialOnce(port, { caFile, serverName: "other.example", client: one });
        assert.ok(wrong.outcome === "failed");
        assert.match(wrong.detail, /^certificate is not for other\.example: it is for backend\.example, localhost or /);
        assert.equal(wrong.refusal, "the backend's certificate is not accepted");
      }
    });
  }));

Deno.test("an issuer that is not trusted, a certificate that has expired, a server without TLS: each is named and logged once", () =>
  withAuthority(async (authority) => {
    const { caFile } = authority;
    const other = await Authority.make(authority.dir, "other");
    const rows: [CertificateFiles, string, RegExp][] = [
      [await authority.issue("good", { names: "IP:127.0.0.1" }), other.caFile, /not from an issuer that is trusted/],
      [
        await authority.issue("old", { names: "IP:127.0.0.1", validity: "expired" }),
        caFile,
        /127\.0\.0\.1 has expired/,
      ],
    ];
    for (const [files, trusted, detail] of rows) {
      await withServer(files, async (port) => {
        const log = new LogLines();
        const outcome = await dialOnce(port, { caFile: trusted }, log);
        assert.ok(outcome.outcome === "failed");
        assert.match(outcome.detail, detail);
        assert.match(
          log.lines.join("\n"),
          /^warning Backend cannot be spoken to by TLS .*"backend":"127\.0\.0\.1:\d+"/,
        );
        assert.equal(log.lines.length, 1);
      });
    }
    const plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("plain"));
    const outcome = await dialOnce(plain.addr.port, { caFile });
    assert.ok(outcome.outcome === "failed");
    assert.match(outcome.detail, /127\.0\.0\.1 does not speak TLS/);
    await plain.shutdown();
  }));

/** Reads until the other side ends; rejects when it resets. */
async function endOf(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer) !== null);
}

/** What was given up is not left open. */
async function assertCut(conn: Deno.Conn): Promise<void> {
  await assert.rejects(endOf(conn), Deno.errors.ConnectionReset);
  conn.close();
}

Deno.test("a backend that never answers the handshake is given up in time, or when it is not wanted any more", () =>
  withAuthority(async (authority) => {
    const { caFile } = authority;
    const client = await authority.issue("client", { names: "DNS:client" });
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    for (const one of [null, client]) {
      const late = dialOnce(silent.addr.port, { caFile, client: one, timeoutMs: 100 });
      await assertCut(await silent.accept());
      assert.deepEqual(await late, { outcome: "failed", detail: "no TLS within 100 ms" });
      const stop = new AbortController();
      const dialling = dialOnce(silent.addr.port, { caFile, client: one, signal: stop.signal });
      const conn = await silent.accept();
      assert.ok(await conn.read(new Uint8Array(4096)), "the handshake has begun");
      stop.abort();
      assert.deepEqual(await dialling, { outcome: "aborted" });
      await assertCut(conn);
      const refused = await dialOnce(deadPort(), { caFile, client: one });
      assert.ok(refused.outcome === "failed" && refused.refusal === undefined);
      assert.match(refused.detail, /refused/);
    }
    silent.close();
  }));

Deno.test("files that cannot be used are named, and files that changed count for the next connection", () =>
  withAuthority(async (authority) => {
    const other = await Authority.make(authority.dir, "other");
    await assert.rejects(dialOnce(1, { caFile: "/nonexistent/ca.pem" }), (error) => {
      assert.ok(error instanceof BalancerError);
      return /backendTls of web: \/nonexistent\/ca\.pem cannot be read/.test(error.message);
    });
    const files = await authority.issue("backend", { names: "IP:127.0.0.1" });
    const trusted = `${authority.dir}/trusted.pem`;
    await Deno.writeTextFile(trusted, other.ca);
    const log = new LogLines();
    const config = { caFile: trusted, serverName: null, client: null };
    const dialer = new BackendTlsDialer({ name: "web", config, clock: systemClock, log, resetter });
    await withServer(files, async (port) => {
      const options = { clock: systemClock, timeoutMs: 3000, signal: new AbortController().signal };
      const target = { hostname: "127.0.0.1", port, isSecure: true };
      assert.equal((await dialer.dial(target, options)).outcome, "failed");
      await Deno.writeTextFile(trusted, "rubbish");
      dialer.look();
      await Deno.writeTextFile(trusted, authority.ca + other.ca);
      dialer.look();
      assert.equal(await greeting(await dialer.dial(target, options)), "hello");
    });
    dialer.close();
    assert.match(log.lines.join("\n"), /not renewed, those before stay .*trusted\.pem has no certificate[^]*renewed/);
  }));
