import assert from "node:assert/strict";
import { Errno } from "../../../mod/linux/errno.ts";
import { libc } from "../../../mod/linux/libc.ts";
import { connectStream } from "../../../mod/linux/stream_socket.ts";
import { attachFilter, closeFd, Family, internetAddress, openSocket, SocketType } from "../../../mod/linux/socket.ts";
import { parseIp } from "../../../mod/net/ip.ts";
import { resetConnection } from "../../../mod/linux/reset_connections.ts";
import { eventually, pattern, type RawConn, readBytes, sha256 } from "../kit.ts";
import { destination, LoopRig, Recorder } from "./kit.ts";

const MSG_OOB = 1;

async function withRig(body: (rig: LoopRig) => Promise<void>): Promise<void> {
  const rig = new LoopRig();
  try {
    await body(rig);
    assert.deepEqual(rig.faults, []);
  } finally {
    rig.close();
  }
}

/** Ends a connection of the test with a RST. */
function reset(client: RawConn): void {
  const { localAddr, remoteAddr } = client.tcp;
  const [local, remote] = [localAddr, remoteAddr].map(({ hostname, port }) => ({ ip: hostname, port }));
  if (local !== undefined && remote !== undefined) resetConnection(local, remote);
}

Deno.test("what was sent is received, then the peer's FIN, again and again", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const { client, flow } = await rig.accepted(owner);
    await client.send("hello");
    await client.tcp.closeWrite();
    await eventually(() => owner.events.includes("end"), "FIN is received");
    assert.equal(owner.received, "hello");
    assert.equal(flow.receivedBytes, 5);
    assert.equal(flow.receive(rig.loop.scratch), -1);
    assert.equal(flow.hasInput, false);
    assert.deepEqual(flow.remote, { ip: "127.0.0.1", port: client.tcp.localAddr.port });
    assert.deepEqual(flow.local, { ip: "127.0.0.1", port: rig.port });
    assert.deepEqual([flow.source, flow.target], [flow.remote, flow.local]);
    client.close();
  }));

Deno.test("only as much is received as is asked for, and the rest is still there", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const pieces: number[] = [];
    owner.onReadable = (flow) => {
      pieces.push(flow.receive(rig.loop.scratch, 3));
      if (flow.hasInput) flow.readAgain();
    };
    const { client, flow } = await rig.accepted(owner);
    await client.send("12345678");
    await eventually(() => flow.receivedBytes === 8, "all has come");
    assert.deepEqual(pieces.filter((count) => count > 0), [3, 3, 2]);
    client.close();
  }));

Deno.test("what the kernel does not take is kept, leaves in order, and its owner is told", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const { client, flow } = await rig.accepted(owner);
    const data = pattern(16 * 1024 * 1024);
    const half = data.length / 2;
    assert.equal(flow.send(data.subarray(0, half)), false);
    assert.ok(flow.keptBytes > 0);
    assert.equal(flow.send(data.subarray(half)), false, "behind what is kept");
    assert.equal(flow.keptBytes + flow.sentBytes, data.length);
    flow.finish();
    const got = await readBytes(client.tcp, data.length);
    assert.equal(await sha256(got), await sha256(data));
    assert.equal(await client.tcp.read(new Uint8Array(1)), null, "FIN comes after it");
    assert.deepEqual(owner.events, ["drained"]);
    assert.equal(flow.keptBytes, 0);
    assert.equal(flow.sentBytes, data.length);
    client.close();
  }));

Deno.test("what was kept is a copy: the buffer may be used again", () =>
  withRig(async (rig) => {
    const { client, flow } = await rig.accepted(new Recorder(rig.loop));
    const data = new Uint8Array(8 * 1024 * 1024).fill(1);
    assert.equal(flow.send(data), false);
    const copied = flow.keptBytes;
    data.fill(2);
    const got = await readBytes(client.tcp, data.length);
    assert.ok(got.subarray(data.length - copied).every((byte) => byte === 1));
    client.close();
  }));

Deno.test("FIN from here leaves the other direction open", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const { client, flow } = await rig.accepted(owner);
    flow.send(new TextEncoder().encode("bye"));
    flow.finish();
    flow.finish();
    assert.equal(await client.rest(), "bye");
    await client.send("still here");
    await eventually(() => owner.received === "still here", "it is received");
    client.close();
  }));

Deno.test("a RST is told once with its errno, also when nobody reads", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    owner.onReadable = () => {};
    const { client, flow } = await rig.accepted(owner);
    reset(client);
    await eventually(() => owner.events.length > 0, "it is told");
    assert.deepEqual(owner.events, [`failed ${Errno.ECONNRESET}`]);
    assert.ok(flow.isClosed);
    client.close();
  }));

Deno.test("what came before a RST can still be received by whoever reads", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    let holds = true;
    owner.onReadable = (flow) => {
      if (holds) return;
      const got = flow.receive(rig.loop.scratch);
      owner.events.push(`got ${got}`);
    };
    const { client, flow } = await rig.accepted(owner);
    await client.send("last words");
    await eventually(() => flow.hasInput, "they have come");
    reset(client);
    await rig.pause(20);
    holds = false;
    flow.readAgain();
    await eventually(() => owner.events.length === 1, "they are received");
    assert.equal(owner.events[0], "got 10");
    flow.readAgain();
    await eventually(() => flow.isClosed, "and then it is over");
    client.close();
  }));

Deno.test("a send to a peer that is gone is told after it has returned", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const { client, flow } = await rig.accepted(owner);
    reset(client);
    assert.ok(flow.send(new Uint8Array(10)), "nothing is kept of it");
    assert.deepEqual(owner.events, []);
    await eventually(() => flow.isClosed, "it is over");
    assert.equal(owner.events.length, 1, `${owner.events}`);
    client.close();
  }));

Deno.test("an end of ours is told to nobody, and is a RST only when it is meant to be one", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const [closed, aborted] = [await rig.accepted(owner), await rig.accepted(owner)];
    closed.flow.close();
    closed.flow.close();
    aborted.flow.reset();
    aborted.flow.close();
    assert.equal(await closed.client.tcp.read(new Uint8Array(1)), null);
    await assert.rejects(aborted.client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    assert.deepEqual(owner.events, []);
    assert.equal(rig.open, 0, "the places are free again");
    assert.equal(closed.flow.receive(rig.loop.scratch), -2);
    assert.ok(closed.flow.send(new Uint8Array(1)));
    assert.deepEqual(closed.flow.remote, { ip: "", port: 0 });
    closed.client.close();
    aborted.client.close();
  }));

/** A client that sends 1000 bytes, one of urgent data, 1000 bytes and FIN. Nothing of it waits: loopback has room for all. */
function sendUrgently(port: number): void {
  const ip = parseIp("127.0.0.1");
  assert.ok(ip !== null);
  const address = internetAddress(ip, port);
  const fd = openSocket(Family.INET, SocketType.STREAM, 0);
  libc.connect(fd, address, address.length);
  // struct pollfd: the descriptor, POLLOUT.
  const writable = new Uint8Array(Int32Array.of(fd, 4).buffer);
  assert.equal(libc.poll(writable, 1n, 5000), 1, "the connection stands");
  const send = (text: string, flags: number): void => {
    const bytes = new TextEncoder().encode(text);
    assert.equal(libc.sendto(fd, bytes, BigInt(bytes.length), flags, null, 0), bytes.length);
  };
  send("a".repeat(1000), 0);
  send("!", MSG_OOB);
  send("b".repeat(1000), 0);
  closeFd(fd);
}

Deno.test("urgent data on the way does not end a stream early", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    rig.onAccepted = (flow) => {
      flow.owner = owner;
      rig.flows.push(flow);
    };
    sendUrgently(rig.port);
    await eventually(() => owner.events.includes("end"), "the end has come");
    assert.equal(owner.received, "a".repeat(1000) + "b".repeat(1000));
  }));

/** BPF_RET with 0: nothing that comes is let in, nor answered. */
const DEAF = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);

Deno.test("a peer that is gone without a word is given up, one that only does not read is not", async () => {
  const rig = new LoopRig({ silenceMs: 150 });
  const [slow, gone] = [new Recorder(rig.loop), new Recorder(rig.loop)];
  const data = pattern(32 * 1024 * 1024);
  const { client, flow } = await rig.accepted(slow);
  assert.equal(flow.send(data), false);
  const fd = connectStream(destination(rig.port).address);
  await eventually(() => rig.flows.length === 2, "the other one has come");
  const [, silent] = rig.flows;
  assert.ok(silent !== undefined);
  silent.owner = gone;
  attachFilter(fd, DEAF);
  silent.send(data, 100);
  await eventually(() => gone.events.length > 0, "it is given up");
  assert.deepEqual(gone.events, [`failed ${Errno.ETIMEDOUT}`]);
  assert.deepEqual(slow.events, []);
  assert.equal(await sha256(await readBytes(client.tcp, data.length)), await sha256(data));
  assert.deepEqual(rig.faults, []);
  closeFd(fd);
  client.close();
  rig.close();
});
