import assert from "node:assert/strict";
import { BalancerError } from "../../../mod/balance/balancer.ts";
import { Listening } from "../../../mod/balance/user/listening.ts";
import { closeFd } from "../../../mod/linux/socket.ts";
import { getLog } from "../../../mod/observe/log.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { RawConn } from "../kit.ts";

function make(changes: { threads?: number; port?: number } = {}): {
  listening: Listening;
  clock: VirtualClock;
  opened: [fd: number, thread: number][];
} {
  const [clock, opened] = [new VirtualClock(), [] as [number, number][]];
  const listening = new Listening({
    name: "web",
    port: 0,
    threads: 1,
    clock,
    log: getLog("balance"),
    onOpened: (fd, thread) => opened.push([fd, thread]),
    ...changes,
  });
  return { listening, clock, opened };
}

Deno.test("each thread gets a socket of its own on the same port", () => {
  const { listening, opened } = make({ threads: 3 });
  listening.listenEverywhere();
  assert.deepEqual(opened.map(([, thread]) => thread), [0, 1, 2]);
  assert.deepEqual(listening.addresses, [`[::]:${listening.port}`]);
  const fds = listening.close();
  assert.deepEqual(fds, opened.map(([fd]) => fd));
  assert.deepEqual(listening.addresses, []);
  for (const fd of fds) closeFd(fd);
});

Deno.test("a release refuses connections before it returns", async () => {
  const { listening } = make();
  listening.bind("127.0.0.1");
  listening.bind("127.0.0.1");
  const { port } = listening;
  assert.ok(port !== null);
  const fds = listening.release("127.0.0.1");
  assert.equal(fds.length, 1);
  assert.deepEqual(listening.release("127.0.0.1"), []);
  await assert.rejects(RawConn.connect(port), Deno.errors.ConnectionRefused);
  for (const fd of fds) closeFd(fd);
});

Deno.test("an address that is not there yet is tried again until it is released", () => {
  const { listening, clock, opened } = make();
  listening.bind("192.0.2.77");
  assert.equal(clock.pending, 1);
  clock.advance(200);
  assert.equal(clock.pending, 1);
  assert.deepEqual(listening.addresses, []);
  assert.deepEqual(opened, []);
  listening.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a port that is taken is tried again, and got when it is free", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { listening, clock } = make({ port: taken.addr.port });
  listening.bind("127.0.0.1");
  assert.deepEqual(listening.addresses, []);
  taken.close();
  clock.advance(5000);
  assert.deepEqual(listening.addresses, [`127.0.0.1:${taken.addr.port}`]);
  for (const fd of listening.close()) closeFd(fd);
});

Deno.test("a port that is taken fails a start by name", () => {
  const taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { listening } = make({ port: taken.addr.port });
  assert.throws(() => listening.listenEverywhere(), (error: unknown) => {
    return error instanceof BalancerError && error.message.includes(`port ${taken.addr.port}`);
  });
  assert.deepEqual(listening.addresses, []);
  taken.close();
});
