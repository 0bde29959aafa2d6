import assert from "node:assert/strict";
import { ListenError, type Page, PageServer, PLAIN, showPlace } from "../../mod/observe/page_server.ts";
import { systemClock } from "../../mod/runtime/clock.ts";

const HELLO: Page = { status: 200, contentType: PLAIN, text: "hello" };

function serve(page: (path: string) => Page | Promise<Page>, host = "127.0.0.1"): PageServer {
  return new PageServer({ listen: { host, port: 0 }, setting: "some_setting", clock: systemClock, page });
}

async function get(server: PageServer, path: string, init: RequestInit & { host?: string } = {}): Promise<Response> {
  return await fetch(`http://${init.host ?? "127.0.0.1"}:${server.port}${path}`, init);
}

Deno.test("pages are read with GET and HEAD and with nothing else", async () => {
  const server = serve((path) => ({ ...HELLO, text: path }));
  const got = await get(server, "/a?b=c");
  assert.deepEqual([got.status, await got.text()], [200, "/a"]);
  assert.equal(got.headers.get("content-type"), PLAIN);
  const head = await get(server, "/a", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const refused = await get(server, "/a", method === "OPTIONS" ? { method } : { method, body: "x" });
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
    await refused.text();
  }
  await server.close();
});

Deno.test("a page that throws is a 500 that says why", async () => {
  const server = serve(() => {
    throw new Error("no such thing");
  });
  const got = await get(server, "/");
  assert.deepEqual([got.status, await got.text()], [500, "no such thing\n"]);
  await server.close();
});

Deno.test("every address means both families", async () => {
  const server = serve(() => HELLO, "");
  for (const host of ["127.0.0.1", "[::1]"]) assert.equal(await (await get(server, "/", { host })).text(), "hello");
  await server.close();
});

Deno.test("no more than sixteen requests are served at a time", async () => {
  const gate = Promise.withResolvers<Page>();
  const arrived = Promise.withResolvers<void>();
  let waiting = 0;
  const server = serve(() => {
    waiting += 1;
    if (waiting === 16) arrived.resolve();
    return gate.promise;
  });
  const first = Array.from({ length: 16 }, () => get(server, "/"));
  await arrived.promise;
  const late = await get(server, "/");
  assert.deepEqual([late.status, await late.text()], [503, "Too many requests\n"]);
  gate.resolve(HELLO);
  for (const response of await Promise.all(first)) assert.equal(await response.text(), "hello");
  assert.equal(await (await get(server, "/")).text(), "hello");
  await server.close();
});

Deno.test("a close ends idle connections and cuts requests that do not end", async () => {
  const gate = Promise.withResolvers<Page>();
  const arrived = Promise.withResolvers<void>();
  const server = serve(() => {
    arrived.resolve();
    return gate.promise;
  });
  // One that never says what it wants, and one whose answer never comes.
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const pending = get(server, "/").then((response) => response.text(), () => "cut");
  await arrived.promise;
  const startMs = performance.now();
  await server.close();
  await server.close();
  assert.ok(performance.now() - startMs < 3000);
  assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
  gate.resolve(HELLO);
  await pending;
});

Deno.test("a place that cannot be listened on is named together with its setting", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const at = (host: string): () => PageServer => () =>
    new PageServer({ listen: { host, port }, setting: "prometheus_server", clock: systemClock, page: () => HELLO });
  for (const [host, shown] of [["127.0.0.1", `127.0.0.1:${port}`], ["203.0.113.1", `203.0.113.1:${port}`]] as const) {
    assert.throws(at(host), (error) => {
      assert.ok(error instanceof ListenError);
      assert.ok(error.message.startsWith(`Cannot listen on ${shown} (prometheus_server): `), error.message);
      return true;
    });
  }
});

Deno.test("places are shown as the setting writes them", () => {
  const table = [["", ":2112"], ["127.0.0.1", "127.0.0.1:2112"], ["::1", "[::1]:2112"]] as const;
  for (const [host, shown] of table) assert.equal(showPlace({ host, port: 2112 }), shown);
});
