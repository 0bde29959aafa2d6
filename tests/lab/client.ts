/**
 * A client for one thing, a process of its own because it has to be in the client's namespace:
 *
 *     client.ts get <url>                  the answer's status, then its body
 *     client.ts echo <ip> <port> <text>    the first line of the echo server, then what came back
 *     client.ts hold <ip> <port>           "open <first line>", then "reset" or "end" when the connection is cut
 *     client.ts refused <ip> <port>        "refused", "open" or "silent"
 *     client.ts ask <ip> <port> <text>     the answer to a datagram, or "silent"
 */
import { createSocket } from "node:dgram";

const PATIENCE_MS = 3000;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function connect(hostname: string, port: string): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname, port: Number(port), signal: AbortSignal.timeout(PATIENCE_MS) });
}

async function readText(conn: Deno.Conn): Promise<string | null> {
  const buffer = new Uint8Array(4096);
  const got = await conn.read(buffer);
  return got === null ? null : new TextDecoder().decode(buffer.subarray(0, got));
}

async function get(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  print(String(response.status));
  print(await response.text());
}

async function echo(hostname: string, port: string, text: string): Promise<void> {
  const conn = await connect(hostname, port);
  await conn.write(new TextEncoder().encode(text));
  await conn.closeWrite();
  let all = "";
  for (let part = await readText(conn); part !== null; part = await readText(conn)) all += part;
  print(all);
  conn.close();
}

async function hold(hostname: string, port: string): Promise<void> {
  const conn = await connect(hostname, port);
  print(`open ${(await readText(conn))?.trim()}`);
  try {
    while (await readText(conn) !== null);
    print("end");
  } catch (error) {
    print(error instanceof Deno.errors.ConnectionReset ? "reset" : String(error));
  }
}

async function refused(hostname: string, port: string): Promise<void> {
  try {
    (await connect(hostname, port)).close();
    print("open");
  } catch (error) {
    print(error instanceof Deno.errors.ConnectionRefused ? "refused" : "silent");
  }
}

function ask(hostname: string, port: string, text: string): Promise<void> {
  const socket = createSocket(hostname.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve) => {
    const done = (line: string): void => {
      clearTimeout(timer);
      socket.close();
      print(line);
      resolve();
    };
    const timer = setTimeout(() => done("silent"), PATIENCE_MS);
    socket.on("message", (message) => done(String(message)));
    socket.on("error", (error) => done(String(error)));
    socket.send(text, Number(port), hostname);
  });
}

if (import.meta.main) {
  const [what, where = "", port = "", text = ""] = Deno.args;
  if (what === "get") await get(where);
  else if (what === "echo") await echo(where, port, text);
  else if (what === "hold") await hold(where, port);
  else if (what === "refused") await refused(where, port);
  else if (what === "ask") await ask(where, port, text);
  else throw new Error(`client.ts cannot ${what}`);
}
