import assert from "node:assert/strict";
import { Errno } from "../../../mod/linux/errno.ts";
import { SocketFlow } from "../../../mod/balance/user/flow.ts";
import type { Destination } from "../../../mod/balance/user/types.ts";
import { Backend, deadPort, eventually } from "../kit.ts";
import { destination, LoopRig, Recorder, silentPort } from "./kit.ts";

async function withRig(body: (rig: LoopRig) => Promise<void>): Promise<void> {
  const rig = new LoopRig();
  try {
    await body(rig);
    assert.deepEqual(rig.faults, []);
  } finally {
    rig.close();
  }
}

Deno.test("a connect that succeeds is opened, one that is refused fails with its errno", () =>
  withRig(async (rig) => {
    const backend = new Backend(async (conn) => await conn.send("hello"));
    const [good, bad] = [new Recorder(rig.loop), new Recorder(rig.loop)];
    const flow = rig.loop.connect(destination(backend.port), good);
    rig.loop.connect(destination(deadPort()), bad);
    assert.deepEqual(good.events, [], "not before connect has returned");
    await eventually(() => good.events.includes("end"), "the backend has spoken");
    assert.deepEqual(good.events, ["opened", "end"]);
    assert.equal(good.received, "hello");
    assert.deepEqual(bad.events, [`failed ${Errno.ECONNREFUSED}`]);
    flow?.close();
    await backend.close();
  }));

/** One try; whether the descriptors of the two that were closed have been taken again by the two that follow them. */
async function replaceBoth(rig: LoopRig, silentTo: Destination): Promise<boolean> {
  const [first, second] = [new Recorder(rig.loop), new Recorder(rig.loop)];
  const one = await rig.accepted(first);
  const two = await rig.accepted(second);
  const late = new Recorder(rig.loop);
  const following: SocketFlow[] = [];
  // Whichever comes first closes both; connects that nobody answers take their descriptors.
  const replace = (): void => {
    one.flow.close();
    two.flow.close();
    for (let n = 0; n < 2; n++) {
      const flow = rig.loop.connect(silentTo, late);
      if (flow instanceof SocketFlow) following.push(flow);
    }
  };
  first.onReadable = replace;
  second.onReadable = replace;
  rig.isPaused = true;
  await Promise.all([one.client.send("x"), two.client.send("y")]);
  rig.isPaused = false;
  await eventually(() => following.length > 0, "one is told");
  const fds = following.map(({ fd }) => fd);
  await rig.pause(20);
  assert.deepEqual(late.events, [], "the event of the other one is nobody's");
  for (const flow of following) flow.close();
  for (const { client } of [one, two]) client.close();
  return [one.flow.fd, two.flow.fd].every((fd) => fds.includes(fd));
}

Deno.test("an event of the same batch for a descriptor that has been closed and taken again is dropped", () =>
  withRig(async (rig) => {
    const silent = await silentPort();
    // The process has other threads, and now and then one of them is first to take a descriptor.
    let tries = 1;
    while (!await replaceBoth(rig, destination(silent.port))) {
      assert.ok(tries++ < 50, "the descriptors are taken again");
    }
    silent.close();
  }));

Deno.test("an owner that throws loses its connection and nothing else", async () => {
  const rig = new LoopRig();
  const [bad, good] = [new Recorder(rig.loop), new Recorder(rig.loop)];
  bad.onReadable = () => {
    throw new Error("a fault");
  };
  const broken = await rig.accepted(bad);
  const whole = await rig.accepted(good);
  await Promise.all([broken.client.send("x"), whole.client.send("y")]);
  await assert.rejects(broken.client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await eventually(() => good.received === "y", "the other one goes on");
  assert.equal(rig.faults.length, 1);
  assert.deepEqual(bad.events, [`failed ${Errno.EIO}`]);
  broken.client.close();
  whole.client.close();
  rig.close();
});

Deno.test("deadlines are called in time, once, and not after they were taken back", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    const [one, two, three] = [await rig.accepted(owner), await rig.accepted(owner), await rig.accepted(owner)];
    const fromMs = performance.now();
    let firedMs = 0;
    owner.expired = () => {
      owner.events.push("expired");
      firedMs ||= performance.now();
    };
    one.flow.expireIn(60);
    two.flow.expireIn(40);
    two.flow.neverExpire();
    three.flow.expireIn(20);
    three.flow.expireIn(10_000);
    await eventually(() => owner.events.length > 0, "one has expired");
    await rig.pause(50);
    assert.deepEqual(owner.events, ["expired"]);
    assert.ok(firedMs - fromMs >= 60, `${firedMs - fromMs} ms`);
    for (const { client } of [one, two, three]) client.close();
  }));

Deno.test("an owner that asks to be called again is called in the next turn", () =>
  withRig(async (rig) => {
    const owner = new Recorder(rig.loop);
    let calls = 0;
    owner.onReadable = (flow) => {
      if (++calls < 3) flow.readAgain();
      else flow.close();
    };
    const { client } = await rig.accepted(owner);
    await client.send("x");
    await eventually(() => calls === 3, "called three times for one byte");
    client.close();
  }));

Deno.test("a loop that is closed resets what was open", async () => {
  const rig = new LoopRig();
  const { client } = await rig.accepted(new Recorder(rig.loop));
  rig.close();
  await assert.rejects(client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  client.close();
});
