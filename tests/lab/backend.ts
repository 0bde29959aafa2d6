/**
 * A backend: `backend.ts <name> <http port> <echo port>`. The web server answers with its name and what it was asked; the echo
 * server gives back every byte, after a first line with its name. At the same port it answers datagrams with its name, who sent them and
 * what they said.
 */
import { createSocket } from "node:dgram";

const [name = "backend", httpPort = "8080", echoPort = "9090"] = Deno.args;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function answer(request: Request): Promise<Response> {
  const body = await request.text();
  const headers = Object.fromEntries(request.headers);
  return Response.json({ name, method: request.method, path: new URL(request.url).pathname, headers, body }, {
    headers: { "x-backend": name },
  });
}

async function echo(conn: Deno.Conn): Promise<void> {
  try {
    await writeAll(conn, new TextEncoder().encode(`${name}\n`));
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const got = await conn.read(buffer);
      if (got === null) break;
      await writeAll(conn, buffer.subarray(0, got));
    }
    await conn.closeWrite();
  } catch {
    // The client went away.
  } finally {
    conn.close();
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

async function serveEcho(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) void echo(conn);
}

/** Calls `onReady` when datagrams are heard. */
function serveDatagrams(port: number, onReady: () => void): void {
  const socket = createSocket({ type: "udp6" });
  socket.on("message", (message, from) => socket.send(`${name} ${from.address} ${message}`, from.port, from.address));
  socket.bind(port, "::", onReady);
}

if (import.meta.main) {
  Deno.serve({ hostname: "::", port: Number(httpPort), onListen: () => {} }, answer);
  const echoes = serveEcho(Deno.listen({ hostname: "::", port: Number(echoPort) }));
  await new Promise<void>((resolve) => serveDatagrams(Number(echoPort), resolve));
  print("listening");
  await echoes;
}
