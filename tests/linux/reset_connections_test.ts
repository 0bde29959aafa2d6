import assert from "node:assert/strict";
import { connect as nodeConnect, createServer, type Socket } from "node:net";
import { openDescriptors } from "../../mod/linux/descriptors.ts";
import { libc } from "../../mod/linux/libc.ts";
import { localEndpoint, remoteEndpoint } from "../../mod/linux/socket.ts";
import { connectionResetter, resetConnection, resetConnections } from "../../mod/linux/reset_connections.ts";
import type { ConnectionResetter } from "../../mod/balance/balancer.ts";

const F_DUPFD_CLOEXEC = 1030;

interface Pair {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
}

async function connectTo(listener: Deno.TcpListener): Promise<Pair> {
  const { hostname, port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([Deno.connect({ hostname, port }), listener.accept()]);
  return { client, server };
}

/** How a pending read ends. */
async function outcome(read: Promise<number | null>): Promise<string> {
  try {
    return `${await read}`;
  } catch (error) {
    return error instanceof Error ? error.name : "?";
  }
}

async function roundTrip({ client, server }: Pair): Promise<void> {
  const buffer = new Uint8Array(4);
  await client.write(Uint8Array.of(1));
  assert.equal(await server.read(buffer), 1);
  await server.write(Uint8Array.of(2));
  assert.equal(await client.read(buffer), 1);
}

function close(...pairs: Pair[]): void {
  for (const { client, server } of pairs) {
    client.close();
    server.close();
  }
}

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`resetConnections() cuts what is connected to ${hostname} and leaves the rest`, async () => {
    const [listener, other] = [Deno.listen({ hostname, port: 0 }), Deno.listen({ hostname, port: 0 })];
    const { port } = listener.addr as Deno.NetAddr;
    const pairs = [await connectTo(listener), await connectTo(listener)];
    const bystander = await connectTo(other);
    const reads = pairs.flatMap(({ client, server }) => [client, server].map((end) => end.read(new Uint8Array(9))));
    assert.equal(resetConnections(hostname, port), 2);
    assert.equal(resetConnections(hostname, port), 0, "they are no connections any more");
    const ends = await Promise.all(reads.map(outcome));
    assert.deepEqual([ends[0], ends[2]], ["ConnectionReset", "ConnectionReset"], "what the clients see");
    assert.ok([ends[1], ends[3]].every((end) => end === "null" || end === "ConnectionReset"), ends.join());
    await roundTrip(bystander);
    const late = await connectTo(listener); // the listener goes on
    await roundTrip(late);
    close(...pairs, bystander, late);
    listener.close();
    other.close();
  });
}

Deno.test("data that was not sent yet is thrown away, and a pending write ends", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const pair = await connectTo(listener);
  const bulk = new Uint8Array(32 * 1024 * 1024);
  const writing = (async () => {
    for (let sent = 0; sent < bulk.length;) sent += await pair.server.write(bulk.subarray(sent));
    return null;
  })();
  const ended = outcome(writing);
  await new Promise((resolve) => setTimeout(resolve, 50)); // until the buffers are full
  assert.equal(resetConnections("127.0.0.1", port), 1);
  assert.match(await ended, /ConnectionReset|BrokenPipe|NotConnected/);
  close(pair);
  listener.close();
});

Deno.test("an IPv4 connection to a listener on all addresses is found by its IPv4 address", async () => {
  const listener = Deno.listen({ hostname: "::", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
  const read = outcome(client.read(new Uint8Array(1)));
  assert.equal(resetConnections("127.0.0.2", port), 0);
  assert.equal(resetConnections("127.0.0.1", port), 1);
  assert.equal(await read, "ConnectionReset");
  close({ client, server });
  listener.close();
});

Deno.test("connections that node:net accepted are cut too", async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer(resolve);
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const address = listener.address();
  assert.ok(address !== null && typeof address === "object");
  const client = nodeConnect(address.port, "127.0.0.1");
  const fault = new Promise<string | undefined>((seen) => {
    client.on("error", (error: Error & { code?: string }) => seen(error.code));
  });
  const server = await accepted;
  server.on("error", () => {});
  assert.equal(resetConnections("127.0.0.1", address.port), 1);
  assert.equal(await fault, "ECONNRESET");
  server.destroy();
  client.destroy();
  await new Promise((closed) => listener.close(closed));
});

Deno.test("resetConnection() cuts the one between the two ends, as Deno names them", async () => {
  const listener = Deno.listen({ hostname: "::", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const pairs: Pair[] = [];
  for (let i = 0; i < 3; i++) {
    const [client, server] = await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
    pairs.push({ client, server });
  }
  const [first, second, third] = pairs;
  assert.ok(first && second && third);
  const read = outcome(second.client.read(new Uint8Array(1)));
  const end = (addr: Deno.NetAddr): { ip: string; port: number } => ({ ip: addr.hostname, port: addr.port });
  resetConnection(end(second.server.localAddr), end(second.server.remoteAddr));
  resetConnection(end(second.server.localAddr), { ip: "192.0.2.1", port: 1 });
  assert.equal(await read, "ConnectionReset");
  await roundTrip(first);
  await roundTrip(third);
  close(...pairs);
  listener.close();
});

/** One try; whether the number of the connection that is closed went to the other one, and to nobody else first. */
async function takeOver(): Promise<boolean> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [pair, bystander] = [await connectTo(listener), await connectTo(other)];
  const fds = [...openDescriptors()];
  const [gone, theirs] = [pair.server, bystander.server].map(({ localAddr, remoteAddr }) => {
    return fds.find((fd) => localEndpoint(fd)?.port === localAddr.port && remoteEndpoint(fd)?.port === remoteAddr.port);
  });
  assert.ok(gone !== undefined && theirs !== undefined);
  let taken = -1;
  // After the numbers were listed another thread closes the connection that is meant and opens one, which gets its number.
  const descriptors = function* (): Generator<number> {
    pair.server.close();
    taken = libc.fcntl(theirs, F_DUPFD_CLOEXEC, gone);
    yield gone;
  };
  resetConnections("127.0.0.1", port, { descriptors });
  await roundTrip(bystander);
  libc.close(taken);
  pair.client.close();
  close(bystander);
  listener.close();
  other.close();
  return taken === gone;
}

Deno.test("what has taken over the number of a descriptor meanwhile is left alone", async () => {
  // The process has other threads, and now and then one of them is first to take the number.
  let tries = 1;
  while (!await takeOver()) assert.ok(tries++ < 50, "the number is taken over");
});

Deno.test("connectionResetter is what a balancer wants", () => {
  const resetter: ConnectionResetter = connectionResetter;
  assert.equal(resetter.reset("127.0.0.1", 1), 0);
});
