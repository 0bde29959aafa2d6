import assert from "node:assert/strict";
import { Errno, SysError } from "../../mod/linux/errno.ts";
import { libc } from "../../mod/linux/libc.ts";
import { Poller, type Watch } from "../../mod/linux/poller.ts";
import { closeFd } from "../../mod/linux/socket.ts";
import { UdpSocket } from "../../mod/linux/udp_socket.ts";

/** A descriptor that is readable after `signal`, until `clear`. */
function bell(): { fd: number; signal: () => void; clear: () => void } {
  const fd = libc.eventfd(0, 0o2004000);
  return {
    fd,
    signal: () => void libc.write(fd, BigUint64Array.of(1n), 8n),
    clear: () => void libc.read(fd, new Uint8Array(8), 8n),
  };
}

function rethrow(error: unknown): void {
  throw error;
}

/** Watches until the first call. */
function once(poller: Poller, fd: number): Promise<void> {
  return new Promise((resolve) => {
    const watch = poller.watch(fd, () => {
      watch.stop();
      resolve();
    });
  });
}

Deno.test("watch() calls when a descriptor becomes readable while the poll is parked", async () => {
  const poller = new Poller(rethrow);
  const [one, two] = [bell(), bell()];
  const first = once(poller, one.fd);
  const calls: string[] = [];
  const other = poller.watch(two.fd, () => calls.push("two"));
  await new Promise((resolve) => setTimeout(resolve, 20)); // parked by now
  one.signal();
  await first;
  assert.deepEqual(calls, []);
  other.stop();
  await poller.close();
  closeFd(one.fd);
  closeFd(two.fd);
});

Deno.test("watch() calls again while something is left to read", async () => {
  const poller = new Poller(rethrow);
  const { fd, signal, clear } = bell();
  signal();
  let calls = 0;
  await new Promise<void>((resolve) => {
    poller.watch(fd, () => {
      calls += 1;
      if (calls === 3) {
        clear();
        resolve();
      }
    });
  });
  await poller.close();
  assert.equal(calls, 3);
  closeFd(fd);
});

Deno.test("a stopped watch is never called again, even in the turn that stops it", async () => {
  const poller = new Poller(rethrow);
  const bells = [bell(), bell()];
  const calls: number[] = [];
  const watches: Watch[] = [];
  for (const { signal } of bells) signal();
  await new Promise<void>((resolve) => {
    bells.forEach(({ fd }, index) => {
      watches.push(poller.watch(fd, () => {
        calls.push(index);
        for (const watch of watches) watch.stop();
        resolve();
      }));
    });
  });
  await once(poller, bells[0]?.fd ?? -1); // a whole turn later
  assert.equal(calls.length, 1);
  await poller.close();
  for (const { fd } of bells) closeFd(fd);
});

Deno.test("the loop ends with the last watch and begins again with the next", async () => {
  const poller = new Poller(rethrow);
  const { fd, signal } = bell();
  signal();
  for (let round = 0; round < 5; round++) await once(poller, fd);
  await poller.close();
  await poller.close();
  closeFd(fd);
});

Deno.test("close() ends a parked poll at once, and nothing can be watched afterwards", async () => {
  const poller = new Poller(rethrow);
  const { fd } = bell();
  poller.watch(fd, () => assert.fail("never readable"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const begun = performance.now();
  await poller.close();
  assert.ok(performance.now() - begun < 5000);
  assert.throws(() => poller.watch(fd, () => {}), { code: "EBADF" });
  closeFd(fd);
});

Deno.test("what a handler throws is reported, and others are still served", async () => {
  const errors: unknown[] = [];
  const poller = new Poller((error) => errors.push(error));
  const [bad, good] = [bell(), bell()];
  bad.signal();
  good.signal();
  const fault = new Error("handler failed");
  const watch = poller.watch(bad.fd, () => {
    watch.stop();
    throw fault;
  });
  await once(poller, good.fd);
  await poller.close();
  assert.deepEqual(errors, [fault]);
  closeFd(bad.fd);
  closeFd(good.fd);
});

Deno.test("a descriptor that was closed under its watch is reported and dropped", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const poller = new Poller(resolve);
  const fd = 1_000_000; // never open: the kernel gives the lowest free number
  poller.watch(fd, () => assert.fail("closed"));
  assert.deepEqual({ ...(await promise as Error) }, {
    op: "watch",
    errno: 9,
    code: "EBADF",
    subject: `${fd}`,
    reason: "",
    name: "SysError",
  });
  await poller.close();
});

Deno.test("a process whose poller was closed ends by itself", async () => {
  const script = `
    import { Poller } from ${JSON.stringify(new URL("../../mod/linux/poller.ts", import.meta.url).href)};
    import { libc } from ${JSON.stringify(new URL("../../mod/linux/libc.ts", import.meta.url).href)};
    const poller = new Poller((error) => { throw error; });
    poller.watch(libc.eventfd(0, 0), () => {});
    setTimeout(() => poller.close(), 20);`;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assert.equal(code, 0);
});

Deno.test("released() tells when a watched socket that was closed has really ended: its port is free", async () => {
  const poller = new Poller(rethrow);
  const other = bell();
  poller.watch(other.fd, () => {});
  let inUse = 0;
  for (let turn = 0; turn < 20; turn++) {
    const socket = new UdpSocket("127.0.0.1", 0);
    const { port } = socket;
    const watch = poller.watch(socket.fd, () => {});
    await new Promise((resolve) => setTimeout(resolve, 2)); // parked by now
    watch.stop();
    socket.close();
    await poller.released();
    try {
      new UdpSocket("127.0.0.1", port).close();
    } catch (error) {
      assert.ok(error instanceof SysError && error.errno === Errno.EADDRINUSE, String(error));
      inUse++;
    }
  }
  // A child that another thread of this process is just starting has a copy of every descriptor until it becomes its program.
  assert.ok(inUse < 3, `${inUse} of 20 were still in use`);
  await poller.close();
  closeFd(other.fd);
});

Deno.test("released() resolves with nothing stopped just now, too", async () => {
  const poller = new Poller(rethrow);
  const { fd } = bell();
  poller.watch(fd, () => {});
  await new Promise((resolve) => setTimeout(resolve, 20)); // parked by now
  await poller.released();
  await poller.released();
  await poller.close();
  closeFd(fd);
});

Deno.test("change() waits for room to write, for something to read, or for both", async () => {
  const poller = new Poller(rethrow);
  const { fd, signal, clear } = bell(); // an eventfd has room unless it is full
  const calls: string[] = [];
  let wanted = "";
  let happened = (): void => {};
  const watch = poller.watch(fd, () => {
    calls.push(wanted);
    watch.change("readable");
    happened();
  }, { interest: "readable" });
  const next = (): Promise<void> => new Promise((resolve) => happened = resolve);
  for (const interest of ["writable", "both"] as const) {
    const called = next();
    wanted = interest;
    watch.change(interest);
    await called;
    // What was under way may still come; after this it has.
    await poller.released();
  }
  const before = calls.length;
  await poller.released();
  assert.equal(calls.length, before, "there is nothing to read");
  const called = next();
  wanted = "readable";
  signal();
  await called;
  clear();
  assert.deepEqual([...new Set(calls)], ["writable", "both", "readable"]);
  await poller.close();
  watch.change("both");
  closeFd(fd);
});
