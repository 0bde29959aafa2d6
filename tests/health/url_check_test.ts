import assert from "node:assert/strict";
import { HealthCheckError, UrlCheck } from "../../mod/health/url_check.ts";
import type { CheckResult } from "../../mod/health/threshold.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { quietPort } from "../fakes/ports.ts";
import { Authority } from "../kubernetes/certificates.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** Asks once what `handler` serves; with TLS if an identity is given. */
async function ask(
  handler: Handler,
  options: {
    path?: string;
    login?: string;
    caPath?: string;
    tls?: { cert: string; key: string };
    timeoutMs?: number;
  } = {},
): Promise<CheckResult> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...options.tls },
    handler,
  );
  const scheme = options.tls === undefined ? "http" : "https";
  const url = new URL(`${scheme}://${options.login ?? ""}127.0.0.1:${server.addr.port}${options.path ?? "/healthz"}`);
  const { caPath = null, timeoutMs = 10_000 } = options;
  const check = new UrlCheck({ url, timeoutMs, caPath, clock: systemClock });
  try {
    return await check.ask();
  } finally {
    check.close();
    await server.shutdown();
  }
}

async function withFile(text: string, use: (path: string) => Promise<void> | void): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("200 is healthy and everything else is not", async () => {
  assert.deepEqual(await ask(() => new Response("fine")), { outcome: "good" });
  for (const status of [201, 204, 401, 404, 500, 503]) {
    const result = await ask(() => new Response(null, { status }));
    assert.equal(result.outcome, "ailing");
    assert.match(JSON.stringify(result), new RegExp(`/healthz answered ${status}`));
  }
});

Deno.test("redirects are followed, and a body that never ends is not read", async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
  });
  const result = await ask((request) => {
    return request.url.endsWith("/there")
      ? new Response(endless)
      : new Response(null, { status: 302, headers: { Location: "/there" } });
  });
  assert.deepEqual(result, { outcome: "good" });
});

Deno.test("an answer that takes too long is a time-out, one that cannot come tells at once", async () => {
  const gate = Promise.withResolvers<Response>();
  const slow = ask(() => gate.promise, { timeoutMs: 300 });
  setTimeout(() => gate.resolve(new Response("late")), 1000);
  const result = await slow;
  assert.equal(result.outcome, "gone");
  assert.match(JSON.stringify(result), /had no answer within 300 ms/);
  const check = new UrlCheck({
    url: new URL(`http://127.0.0.1:${quietPort()}/healthz?token=geheim`),
    timeoutMs: 3000,
    caPath: null,
    clock: systemClock,
  });
  const refused = await check.ask();
  check.close();
  assert.equal(refused.outcome, "gone");
  assert.match(JSON.stringify(refused), /http:\/\/127\.0\.0\.1:\d+\/healthz does not answer \(.*refused/i);
  assert.doesNotMatch(JSON.stringify(refused), /geheim/);
});

Deno.test("a login in the URL is sent and never shown", async () => {
  let sent: string | null = null;
  const result = await ask((request) => {
    sent = request.headers.get("authorization");
    return new Response(null, { status: 500 });
  }, { login: "user:p%40ss@" });
  assert.equal(sent, `Basic ${btoa("user:p@ss")}`);
  assert.doesNotMatch(JSON.stringify(result), /p@ss|p%40ss|user/);
});

Deno.test("an authority in a file is trusted, beside other blocks; without the file it is not", async () => {
  const authority = new Authority("check");
  const { certificate, key } = authority.server("127.0.0.1", ["127.0.0.1"]);
  const tls = { cert: certificate, key };
  const fine: Handler = () => new Response("fine");
  await withFile(`# ours\n${key}\n${authority.certificate}`, async (caPath) => {
    assert.deepEqual(await ask(fine, { tls, caPath }), { outcome: "good" });
  });
  assert.equal((await ask(fine, { tls })).outcome, "gone");
});

Deno.test("a file of authorities that cannot be used is refused at start in upstream's words", async () => {
  const make = (caPath: string): UrlCheck =>
    new UrlCheck({ url: new URL("https://127.0.0.1:1"), timeoutMs: 1, caPath, clock: systemClock });
  const block = (body: string): string => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  for (const text of ["", "nothing", block("!!!"), block(btoa("hello")), block(btoa("0hello"))]) {
    await withFile(text, (path) => {
      assert.throws(
        () => make(path),
        new HealthCheckError(`health check CA cert "${path}" contains no valid certificates`),
      );
    });
  }
  assert.throws(() => make("/nowhere/ca.pem"), (error) => {
    return error instanceof HealthCheckError &&
      error.message.startsWith('reading health check CA cert "/nowhere/ca.pem": ');
  });
});

Deno.test("closing cuts a question under way", async () => {
  const arrived = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    arrived.resolve();
    return gate.promise;
  });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  const check = new UrlCheck({ url, timeoutMs: 60_000, caPath: null, clock: systemClock });
  const result = check.ask();
  await arrived.promise;
  check.close();
  check.close();
  assert.equal((await result).outcome, "gone");
  gate.resolve(new Response("late"));
  await server.shutdown();
});
