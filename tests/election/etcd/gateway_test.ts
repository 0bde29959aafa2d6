import assert from "node:assert/strict";
import { EtcdGateway, EtcdTlsError, type EtcdTlsFiles } from "../../../mod/election/etcd/gateway.ts";
import type { EtcdAnswer, EtcdWatchListener } from "../../../mod/election/etcd/types.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { Authority } from "../../kubernetes/certificates.ts";

const NO_TLS: EtcdTlsFiles = { caPath: null, certPath: null, keyPath: null };
const HEADER = { header: { revision: "7" } };
const EMPTY = { compare: [], success: [] };

interface Seen {
  readonly path: string;
  readonly body: unknown;
}

type Handler = (request: Request, seen: Seen) => Response | Promise<Response>;

/** An HTTP server in place of etcd. */
class Server {
  readonly seen: Seen[] = [];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  handler: Handler = () => Response.json(HEADER);

  constructor(tls: { readonly cert: string; readonly key: string } | null = null) {
    const answer = async (request: Request): Promise<Response> => {
      const seen = { path: new URL(request.url).pathname, body: await request.json() };
      this.seen.push(seen);
      return await this.handler(request, seen);
    };
    const place = { hostname: "127.0.0.1", port: 0, onListen: (): void => {}, onError: (): Response => new Response() };
    this.#server = tls === null ? Deno.serve(place, answer) : Deno.serve({ ...place, ...tls }, answer);
    this.url = `${tls === null ? "http" : "https"}://127.0.0.1:${this.#server.addr.port}`;
  }

  async stop(): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Uses a gateway to some servers, and ends them all. */
async function withServers(
  count: number,
  use: (gateway: EtcdGateway, servers: readonly Server[], clock: VirtualClock) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const servers = Array.from({ length: count }, () => new Server());
  const gateway = new EtcdGateway({ endpoints: servers.map((server) => server.url), tls: NO_TLS, clock });
  try {
    await use(gateway, servers, clock);
  } finally {
    gateway.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
  assert.equal(clock.pending, 0, "timers are left");
}

/** Writes down what a watch says; `next` resolves with the next word. */
class Ear implements EtcdWatchListener {
  readonly words: string[] = [];
  #heard = Promise.withResolvers<string>();

  changed(): void {
    this.#say("changed");
  }

  ended(cause: string): void {
    this.#say(`ended: ${cause}`);
  }

  next(): Promise<string> {
    return this.#heard.promise;
  }

  #say(word: string): void {
    this.words.push(word);
    const heard = this.#heard;
    this.#heard = Promise.withResolvers<string>();
    heard.resolve(word);
  }
}

/** A stream that a test writes lines to. */
function stream(): { readonly response: Response; write(line: string): void; end(): void } {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  return {
    response: new Response(readable),
    write: (line) => void writer.write(new TextEncoder().encode(line)).catch(() => {}),
    end: () => void writer.close().catch(() => {}),
  };
}

/** A request that is never answered: resolves when it has come in; the second promise when whoever asked gave up. */
function hanging(server: Server): { readonly arrived: Promise<void>; release(): void } {
  const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<Response>()];
  server.handler = () => {
    arrived.resolve();
    return released.promise;
  };
  return { arrived: arrived.promise, release: () => released.resolve(new Response()) };
}

Deno.test("every request goes to its path, as JSON", async () => {
  await withServers(1, async (gateway, [server]) => {
    assert.ok(server);
    server.handler = (_, { path }) => {
      const lease = { ...HEADER, ID: "12", TTL: "15" };
      return Response.json(path.endsWith("keepalive") ? { result: lease } : lease);
    };
    const answers: EtcdAnswer<unknown>[] = [
      await gateway.txn(EMPTY, 1000),
      await gateway.grantLease({ id: "12", ttlSeconds: 15 }, 1000),
      await gateway.keepLease("12", 1000),
      await gateway.revokeLease("12", 1000),
    ];
    assert.deepEqual(answers.map((answer) => answer.outcome === "ok" ? answer.body : answer), [
      { succeeded: false, revision: 7, ranges: [] },
      { ttlSeconds: 15 },
      { ttlSeconds: 15 },
      null,
    ]);
    assert.deepEqual(server.seen, [
      { path: "/v3/kv/txn", body: { compare: [], success: [] } },
      { path: "/v3/lease/grant", body: { ID: "12", TTL: "15" } },
      { path: "/v3/lease/keepalive", body: { ID: "12" } },
      { path: "/v3/lease/revoke", body: { ID: "12" } },
    ]);
  });
});

Deno.test("revoking a lease that is not there has done what it should; other refusals are told", async () => {
  await withServers(1, async (gateway, [server]) => {
    assert.ok(server);
    server.handler = () => Response.json({ message: "requested lease not found", code: 5 }, { status: 404 });
    assert.equal((await gateway.revokeLease("12", 1000)).outcome, "ok");
    const refused = { outcome: "refused", code: 5, message: "requested lease not found" } as const;
    assert.deepEqual(await gateway.txn(EMPTY, 1000), refused);
    server.handler = () => Response.json({ message: "permission denied", code: 7 }, { status: 403 });
    assert.equal((await gateway.revokeLease("12", 1000)).outcome, "refused");
  });
});

Deno.test("after a failure the next request goes to the next endpoint", async () => {
  await withServers(2, async (gateway, [first, second]) => {
    assert.ok(first && second);
    first.handler = () => Response.json({ message: "etcdserver: no leader", code: 14 }, { status: 503 });
    const answer = await gateway.txn(EMPTY, 1000);
    assert.ok(answer.outcome === "unreachable");
    assert.equal(answer.cause, `${first.url}: etcdserver: no leader`);
    assert.equal((await gateway.txn(EMPTY, 1000)).outcome, "ok");
    assert.equal((await gateway.txn(EMPTY, 1000)).outcome, "ok");
    assert.deepEqual([first.seen.length, second.seen.length], [1, 2]);
  });
});

Deno.test("a refused connection, a broken answer and one that is too long are no answer, and nothing is thrown", async () => {
  await withServers(1, async (gateway, [server]) => {
    assert.ok(server);
    const broken: Handler[] = [
      () => new Response("<html>"),
      () => new Response("x".repeat((1 << 20) + 1)),
      () => Response.json({}),
      () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
      () => {
        throw new Error("gone");
      },
    ];
    for (const handler of broken) {
      server.handler = handler;
      assert.equal((await gateway.txn(EMPTY, 1000)).outcome, "unreachable", String(handler));
    }
  });
  const nowhere = new EtcdGateway({ endpoints: ["127.0.0.1:1"], tls: NO_TLS, clock: new VirtualClock() });
  assert.equal((await nowhere.txn(EMPTY, 1000)).outcome, "unreachable");
  nowhere.close();
  assert.deepEqual(await nowhere.txn(EMPTY, 1000), { outcome: "unreachable", cause: "closed" });
});

Deno.test("a request that is not answered in time ends at its limit", async () => {
  await withServers(1, async (gateway, [server], clock) => {
    assert.ok(server);
    const { arrived, release } = hanging(server);
    const answer = gateway.txn(EMPTY, 700);
    await arrived;
    clock.advance(699);
    assert.equal(clock.pending, 1);
    clock.advance(1);
    assert.deepEqual(await answer, { outcome: "unreachable", cause: `${server.url}: no answer within 700 ms` });
    release();
  });
});

Deno.test("closing ends what is under way", async () => {
  await withServers(1, async (gateway, [server]) => {
    assert.ok(server);
    const { arrived, release } = hanging(server);
    const answer = gateway.txn(EMPTY, 700);
    await arrived;
    gateway.close();
    assert.equal((await answer).outcome, "unreachable");
    release();
  });
});

Deno.test("a watch tells of changes, wherever the lines are cut, until it is stopped", async () => {
  await withServers(1, async (gateway, [server]) => {
    assert.ok(server);
    const { response, write, end } = stream();
    server.handler = () => response;
    const ear = new Ear();
    const watch = gateway.watch({ prefix: "p/", fromRevision: 8 }, ear);
    write(`{"result":{"created":true}}\n{"result":{"events":[{"k`);
    const heard = ear.next();
    write(`v":{}}]}}\n`);
    assert.equal(await heard, "changed");
    assert.equal(server.seen[0]?.path, "/v3/watch");
    watch.stop();
    watch.stop();
    write(`{"result":{"events":[{}]}}\n`);
    end();
    assert.deepEqual(ear.words, ["changed"]);
  });
});

Deno.test("a watch that ends says why, once", async () => {
  const lines = [
    [`{"result":{"canceled":true,"cancel_reason":"compacted"}}\n`, "ended: compacted"],
    [`{"error":{"message":"no leader"}}\n`, "ended: no leader"],
    [`nonsense\n`, "ended: the answer is not JSON"],
    ["", "ended: etcd ended the watch"],
  ] as const;
  for (const [line, wanted] of lines) {
    await withServers(1, async (gateway, [server]) => {
      assert.ok(server);
      const { response, write, end } = stream();
      server.handler = () => response;
      const ear = new Ear();
      gateway.watch({ prefix: "p/", fromRevision: 8 }, ear);
      if (line !== "") write(line);
      end();
      assert.equal(await ear.next(), wanted);
      assert.equal(ear.words.length, 1);
    });
  }
});

Deno.test("after a watch has broken the next endpoint is asked, after a silent one the same", async () => {
  await withServers(2, async (gateway, [first, second], clock) => {
    assert.ok(first && second);
    first.handler = () => new Response("x");
    const ear = new Ear();
    gateway.watch({ prefix: "p/", fromRevision: 8 }, ear);
    await ear.next();
    const { response, write, end } = stream();
    second.handler = () => response;
    const silent = new Ear();
    gateway.watch({ prefix: "p/", fromRevision: 8 }, silent);
    const heard = silent.next();
    write(`{"result":{"events":[{}]}}\n`);
    await heard;
    const over = silent.next();
    clock.advance(60_000);
    await over;
    second.handler = () => Response.json(HEADER);
    assert.equal((await gateway.txn(EMPTY, 1000)).outcome, "ok");
    assert.deepEqual([first.seen.length, second.seen.length], [1, 2]);
    end();
  });
});

Deno.test("a watch that is not confirmed in time, or silent for a minute, ends", async () => {
  await withServers(1, async (gateway, [server], clock) => {
    assert.ok(server);
    const { arrived, release } = hanging(server);
    const ear = new Ear();
    gateway.watch({ prefix: "p/", fromRevision: 8 }, ear);
    await arrived;
    clock.advance(3000);
    assert.equal(await (ear.words.length > 0 ? ear.words[0] : ear.next()), "ended: the watch was silent");
    release();
    const { response, write, end } = stream();
    server.handler = () => response;
    const second = new Ear();
    gateway.watch({ prefix: "p/", fromRevision: 8 }, second);
    const heard = second.next();
    write(`{"result":{"events":[{}]}}\n`);
    assert.equal(await heard, "changed");
    clock.advance(59_999);
    const ended = second.next();
    clock.advance(1);
    assert.equal(await ended, "ended: the watch was silent");
    end();
  });
});

/** Writes certificates of a new authority for 127.0.0.1 into a folder. */
function writeFiles(directory: string): { readonly tls: EtcdTlsFiles; readonly server: { cert: string; key: string } } {
  const authority = new Authority("etcd");
  const [server, client] = [authority.server("etcd", ["127.0.0.1"]), authority.client("node1")];
  const path = (name: string): string => `${directory}/${name}`;
  Deno.writeTextFileSync(path("ca.crt"), authority.certificate);
  Deno.writeTextFileSync(path("client.crt"), client.certificate);
  Deno.writeTextFileSync(path("client.key"), client.key);
  const tls = { caPath: path("ca.crt"), certPath: path("client.crt"), keyPath: path("client.key") };
  return { tls, server: { cert: server.certificate, key: server.key } };
}

Deno.test("the server has to be known to the authority, and files that were renewed are read again after a failure", async () => {
  const directory = await Deno.makeTempDir();
  const clock = new VirtualClock();
  const { tls, server: identity } = writeFiles(directory);
  const server = new Server(identity);
  try {
    const known = new EtcdGateway({ endpoints: [server.url], tls, clock });
    assert.equal((await known.txn(EMPTY, 1000)).outcome, "ok");
    known.close();
    const files = ["ca.crt", "client.crt", "client.key"].map((name) => Deno.readTextFileSync(`${directory}/${name}`));
    writeFiles(directory);
    const stranger = new EtcdGateway({ endpoints: [server.url], tls, clock });
    assert.equal((await stranger.txn(EMPTY, 1000)).outcome, "unreachable");
    ["ca.crt", "client.crt", "client.key"].forEach((name, at) =>
      Deno.writeTextFileSync(`${directory}/${name}`, files[at] ?? "")
    );
    assert.equal((await stranger.txn(EMPTY, 1000)).outcome, "unreachable", "not for every failure");
    clock.advance(10_000);
    assert.equal((await stranger.txn(EMPTY, 1000)).outcome, "ok");
    stranger.close();
  } finally {
    await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("files that cannot be used are named", async () => {
  const directory = await Deno.makeTempDir();
  const { tls } = writeFiles(directory);
  const clock = new VirtualClock();
  const make = (files: Partial<EtcdTlsFiles>): EtcdGateway =>
    new EtcdGateway({ endpoints: ["a:1"], tls: { ...NO_TLS, ...files }, clock });
  const bad = `${directory}/bad`;
  Deno.writeTextFileSync(bad, "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
  try {
    assert.throws(
      () => make({ caPath: "/nowhere" }),
      (error: unknown) => error instanceof EtcdTlsError && error.message.includes("certificate authority /nowhere"),
    );
    assert.throws(() => make({ certPath: tls.certPath }), /no client key/);
    assert.throws(() => make({ keyPath: tls.keyPath }), /no client certificate/);
    assert.throws(() => make({ certPath: bad, keyPath: tls.keyPath }), EtcdTlsError);
    // Deno 2.7 ends the process over a pair that does not belong together.
    const [other] = [writeFiles(await Deno.makeTempDir({ dir: directory }))];
    assert.throws(() => make({ certPath: tls.certPath, keyPath: other.tls.keyPath }), /certificate and key/);
    assert.throws(() => new EtcdGateway({ endpoints: [], tls: NO_TLS, clock }), { name: "EtcdEndpointError" });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
