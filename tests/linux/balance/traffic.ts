/** Backends that say who they are, and clients that ask, each in its own namespace. */
import assert from "node:assert/strict";
import type { Namespace } from "../../../mod/linux/namespace.ts";
import { sysCall } from "../../../mod/linux/errno.ts";
import { libc } from "../../../mod/linux/libc.ts";
import { newSender, tryReceive, trySend } from "../../../mod/linux/socket.ts";
import { udpAddress, UdpSocket } from "../../../mod/linux/udp_socket.ts";
import type { Ip } from "../../../mod/net/ip.ts";

const PATIENCE_MS = 30_000;
const POLLIN = 1;

/** A server of TCP that sends one byte, its number, to whoever connects, then echoes. */
export class TcpBackend implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>;
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #echoes: Promise<void>[] = [];
  /** The addresses its connections came from. */
  readonly clients: string[] = [];

  constructor(namespace: Namespace, ip: Ip, readonly number: number) {
    this.#listener = namespace.run(() => Deno.listen({ hostname: ip.text, port: 0 }));
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends all connections and waits until everything is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    this.#conns.clear();
    await this.#serving;
    await Promise.all(this.#echoes);
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      this.clients.push(conn.remoteAddr.hostname);
      this.#echoes.push(this.#echo(conn));
    }
  }

  async #echo(conn: Deno.TcpConn): Promise<void> {
    this.#conns.add(conn);
    try {
      await conn.write(Uint8Array.of(this.number));
      const buffer = new Uint8Array(1024);
      for (let got = await conn.read(buffer); got !== null; got = await conn.read(buffer)) {
        await conn.write(buffer.subarray(0, got));
      }
    } catch {
      // The client has cut the connection.
    } finally {
      if (this.#conns.delete(conn)) conn.close();
    }
  }
}

/** Sends a byte over the connection and gives what becomes of it: "echo", "reset", "end" or "silence". */
export async function probe(conn: Deno.TcpConn): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<string>((resolve) => timer = setTimeout(() => resolve("silence"), PATIENCE_MS));
  const answer = await Promise.race([exchange(conn), silence]);
  clearTimeout(timer);
  return answer;
}

async function exchange(conn: Deno.TcpConn): Promise<string> {
  try {
    await conn.write(Uint8Array.of(1));
    return await conn.read(new Uint8Array(1)) === null ? "end" : "echo";
  } catch (error) {
    return error instanceof Deno.errors.ConnectionReset ? "reset" : String(error);
  }
}

/** Connects from a namespace. */
export function dial(from: Namespace, ip: Ip, port: number): Promise<Deno.TcpConn> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return from.run(() => ({ made: Deno.connect({ hostname: ip.text, port, signal }) })).made;
}

/** The number of the backend that answers a connection. */
export async function greeting(conn: Deno.TcpConn): Promise<number> {
  const buffer = new Uint8Array(1);
  assert.equal(await conn.read(buffer), 1);
  return buffer[0] ?? -1;
}

/** How many of `count` new connections each backend answers, by its number. */
export async function ask(from: Namespace, to: { ip: Ip; port: number }, count: number): Promise<number[]> {
  const answers: number[] = [];
  for (let round = 0; round < count; round++) {
    const conn = await dial(from, to.ip, to.port);
    const number = await greeting(conn);
    answers[number] = (answers[number] ?? 0) + 1;
    conn.close();
  }
  return Array.from(answers, (answer) => answer ?? 0);
}

/** A server of UDP that answers each datagram with its number. */
export class UdpBackend {
  readonly socket: UdpSocket;
  /** Ports and addresses its datagrams came from, as the system writes them. */
  readonly clients: Uint8Array[] = [];

  constructor(namespace: Namespace, ip: Ip, readonly number: number) {
    this.socket = namespace.run(() => new UdpSocket(ip.text, 0));
  }

  /** Answers what waits. */
  serve(): void {
    const buffer = new Uint8Array(1024);
    const sender = newSender();
    while (tryReceive(this.socket.fd, buffer, sender) >= 0) {
      this.clients.push(sender.storage.slice());
      trySend(this.socket.fd, Uint8Array.of(this.number), sender.storage);
    }
  }
}

/**
 * One datagram from each of `from` to the service; gives the numbers of the backends that answer. All ports differ, so that each is a
 * connection of its own to the kernel. Synchronous.
 */
export function askUdp(
  from: { namespace: Namespace; ips: readonly Ip[] },
  to: { ip: Ip; port: number },
  backends: readonly UdpBackend[],
): number[] {
  const sockets = from.namespace.run(() => from.ips.map((ip) => new UdpSocket(ip.text, 0)));
  try {
    return sockets.map((socket) => askAgain(socket, to, backends));
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** One datagram from a socket that may have asked before. */
export function askAgain(socket: UdpSocket, to: { ip: Ip; port: number }, backends: readonly UdpBackend[]): number {
  assert.equal(socket.send(Uint8Array.of(1), udpAddress(to.ip.text, to.port)), "sent");
  readable(backends.map((backend) => backend.socket.fd));
  for (const backend of backends) backend.serve();
  readable([socket.fd]);
  let answer = -1;
  socket.drain((datagram) => answer = datagram[0] ?? -1, (code) => assert.fail(code));
  return answer;
}

/** Waits until one of the descriptors can be read. */
function readable(fds: readonly number[]): void {
  const set = new Uint8Array(fds.length * 8);
  const view = new DataView(set.buffer);
  fds.forEach((fd, index) => {
    view.setInt32(index * 8, fd, true);
    view.setInt16(index * 8 + 4, POLLIN, true);
  });
  assert.notEqual(sysCall("poll", libc.poll(set, BigInt(fds.length), PATIENCE_MS)), 0, "no datagram came");
}
