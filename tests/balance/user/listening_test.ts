import assert from "node:assert/strict";
import { BalancerError } from "../../../mod/balance/balancer.ts";
import { Listening } from "../../../mod/balance/user/listening.ts";
import { Estate } from "../../../mod/balance/estate.ts";
import { listenerAddress } from "../../../mod/linux/listen_socket.ts";
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
  const sockets = listening.close();
  assert.deepEqual(sockets, opened.map(([fd, thread]) => ({ fd, thread })));
  assert.deepEqual(listening.addresses, []);
  for (const { fd } of sockets) closeFd(fd);
});

Deno.test("what threads yield goes to the heir, whose threads each get a socket and all of those that were left", () => {
  const estate = new Estate();
  const { listening, opened } = make({ threads: 3 });
  listening.bind("127.0.0.1");
  const sockets = listening.leaveTo(estate);
  assert.deepEqual(sockets, opened.map(([fd, thread]) => ({ fd, thread })));
  const [first = -1, ...others] = sockets.map(({ fd }) => fd);
  listening.yielded([first]);
  assert.equal(estate.size, 1);
  assert.equal(listening.addresses.length, 1, "two threads may still accept");
  listening.yielded(others);
  assert.deepEqual(listening.addresses, []);
  const heir = make({ threads: 2 });
  heir.listening.inherit(estate);
  heir.listening.bind("127.0.0.1");
  assert.deepEqual(heir.opened, [[first, 0], [others[0], 1], [others[1], 0]]);
  const great = new Estate();
  heir.listening.yielded(heir.listening.leaveTo(great).map(({ fd }) => fd));
  const last = make({ threads: 4 });
  last.listening.inherit(great);
  last.listening.bind("127.0.0.1");
  assert.deepEqual(last.opened.map(([, thread]) => thread), [0, 1, 2, 3]);
  assert.equal(new Set(last.opened.map(([fd]) => listenerAddress(fd).port)).size, 1);
  for (const { fd } of last.listening.close()) closeFd(fd);
});

Deno.test("where only IPv4 was listened on everywhere, the heir takes that", () => {
  const estate = new Estate();
  const { listening, opened } = make();
  listening.bind("0.0.0.0");
  listening.yielded(listening.leaveTo(estate).map(({ fd }) => fd));
  const heir = make();
  heir.listening.inherit(estate);
  heir.listening.listenEverywhere();
  assert.deepEqual(heir.opened, opened);
  for (const { fd } of heir.listening.close()) closeFd(fd);
});

Deno.test("attempts to bind end where a port is left to an heir", () => {
  const { listening, clock } = make();
  listening.bind("192.0.2.77");
  assert.deepEqual(listening.leaveTo(new Estate()), []);
  assert.equal(clock.pending, 0);
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
  for (const { fd } of fds) closeFd(fd);
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
  for (const { fd } of listening.close()) closeFd(fd);
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
