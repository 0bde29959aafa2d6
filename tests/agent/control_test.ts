import assert from "node:assert/strict";
import { ControlError, type ControlHandlers, ControlServer } from "../../mod/agent/control.ts";

const HANDLERS: ControlHandlers = {
  status: () => Promise.resolve({ nodes: ["a"] }),
  transfer: (to) =>
    Promise.resolve(
      to === "nobody" ? { outcome: "refused", why: "no such member" } : { outcome: "transferred", to: to ?? "best" },
    ),
};

async function withServer(run: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/control.sock`;
  const server = await ControlServer.start(path, HANDLERS);
  try {
    await run(path);
  } finally {
    await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Status code and body of one request over the socket. */
async function ask(
  path: string,
  request: { method: string; target: string; body?: string },
): Promise<[number, string]> {
  const conn = await Deno.connect({ transport: "unix", path });
  const body = request.body ?? "";
  const head = `${request.method} ${request.target} HTTP/1.1\r\nHost: kube-vip\r\nConnection: close\r\n`;
  await conn.write(new TextEncoder().encode(`${head}Content-Length: ${body.length}\r\n\r\n${body}`));
  const chunks: string[] = [];
  const buffer = new Uint8Array(65536);
  for (let got = await conn.read(buffer); got !== null; got = await conn.read(buffer)) {
    chunks.push(new TextDecoder().decode(buffer.subarray(0, got)));
  }
  conn.close();
  const text = chunks.join("");
  return [Number(text.split(" ")[1]), text.slice(text.indexOf("\r\n\r\n") + 4)];
}

Deno.test("status and transfer answer, anything else is refused by name", async () => {
  await withServer(async (path) => {
    const rows: [string, string, string, number, RegExp][] = [
      ["GET", "/status", "", 200, /"nodes":\["a"\]/],
      ["POST", "/transfer", "", 200, /"to":"best"/],
      ["POST", "/transfer", '{"to":"b"}', 200, /"to":"b"/],
      ["POST", "/transfer", '{"to":"nobody"}', 409, /no such member/],
      ["POST", "/transfer", '{"to":1}', 400, /must be empty or/],
      ["POST", "/transfer", "{", 400, /must be empty or/],
      ["POST", "/transfer", "x".repeat(5000), 413, /too long/],
      ["GET", "/secrets", "", 404, /No such request: GET \/secrets/],
    ];
    for (const [method, target, body, code, pattern] of rows) {
      const [gotCode, gotBody] = await ask(path, { method, target, body });
      assert.equal(gotCode, code, `${method} ${target} ${body.slice(0, 20)}`);
      assert.match(gotBody, pattern);
    }
  });
});

Deno.test("only the owner may use the socket, and it is gone after the stop", async () => {
  let path = "";
  await withServer(async (socket) => {
    path = socket;
    assert.equal(((await Deno.stat(socket)).mode ?? 0) & 0o777, 0o600);
  });
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("a socket that nobody serves any more is replaced, a served one is not", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/control.sock`;
  const stale = Deno.listen({ transport: "unix", path });
  stale.close();
  const server = await ControlServer.start(path, HANDLERS);
  await assert.rejects(ControlServer.start(path, HANDLERS), ControlError);
  await server.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a state directory that nobody has made yet is made, for its owner only", async () => {
  const directory = await Deno.makeTempDir();
  const server = await ControlServer.start(`${directory}/a/state/control.sock`, HANDLERS);
  const { mode } = await Deno.stat(`${directory}/a/state`);
  assert.equal((mode ?? 0) & 0o777, 0o700);
  await server.stop();
  await Deno.remove(directory, { recursive: true });
});
