import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Errno } from "../../mod/linux/errno.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { closeFd, getOption, Level, localEndpoint, remoteEndpoint, SocketOption } from "../../mod/linux/socket.ts";
import {
  abortSocket,
  type Accepted,
  endSending,
  linkNameOf,
  listenOn,
  setTtl,
  startConnect,
  synTtl,
  takeSocketError,
  type TcpTarget,
  tryAccept,
  tryReceiveSome,
  trySendSome,
  unacknowledged,
} from "../../mod/linux/tcp_socket.ts";
import { until } from "../bgp/tcp_ends.ts";

const PLAIN = {
  password: null,
  ttl: 64,
  minTtl: null,
  interface: null,
  bindToInterface: false,
  sourceIp: null,
} as const;

function target(ip: string, port: number, more: Partial<TcpTarget> = {}): TcpTarget {
  return { ...PLAIN, ip, port, ...more };
}

/** Waits for somebody to connect. */
async function accept(listener: number): Promise<Accepted> {
  let accepted: Accepted | number = -Errno.EAGAIN;
  await until(() => typeof (accepted = tryAccept(listener)) !== "number", "a connection");
  return typeof accepted === "number" ? assert.fail() : accepted;
}

/** Reads what comes, until something does. */
async function receive(fd: number): Promise<number | Uint8Array> {
  const buffer = new Uint8Array(1000);
  let got = -Errno.EAGAIN;
  await until(() => (got = tryReceiveSome(fd, buffer)) !== -Errno.EAGAIN, "something to read");
  return got > 0 ? buffer.slice(0, got) : got;
}

/** A listener and a connection to it; closes what is left. */
async function withPair(
  version: 4 | 6,
  body: (near: number, far: Accepted, listener: number) => void | Promise<void>,
): Promise<void> {
  const listener = listenOn({ version, port: 0, keys: [], backlog: 8 });
  const near = startConnect(target(version === 4 ? "127.0.0.1" : "::1", localEndpoint(listener)?.port ?? 0));
  const far = await accept(listener);
  try {
    await body(near, far, listener);
  } finally {
    for (const fd of [near, far.fd, listener]) closeFd(fd);
  }
}

/** The options of ip(7) and ipv6(7): traffic class, TTL, least TTL. */
const OPTIONS = { 4: [Level.IP, 1, 2, 21], 6: [Level.IPV6, 67, 16, 73] } as const;

for (const version of [4, 6] as const) {
  const ip = version === 4 ? "127.0.0.1" : "::1";
  const [level, trafficClass, ttl, minTtl] = OPTIONS[version];

  Deno.test(`IPv${version}: bytes go both ways, FIN ends one way only, and all is acknowledged in the end`, () =>
    withPair(version, async (near, far) => {
      assert.deepEqual([far.remote, far.local.ip, far.linkIndex], [localEndpoint(near), ip, 0]);
      assert.deepEqual(remoteEndpoint(near), far.local);
      assert.equal(tryReceiveSome(near, new Uint8Array(10)), -Errno.EAGAIN);
      assert.equal(trySendSome(near, Uint8Array.of(1, 2, 3)), 3);
      endSending(near);
      assert.deepEqual(await receive(far.fd), Uint8Array.of(1, 2, 3));
      assert.equal(await receive(far.fd), 0);
      assert.equal(trySendSome(near, Uint8Array.of(1)), -Errno.EPIPE);
      assert.equal(trySendSome(far.fd, Uint8Array.of(4)), 1);
      assert.deepEqual(await receive(near), Uint8Array.of(4));
      await until(() => unacknowledged(near) === 0, "the acknowledgement");
    }));

  Deno.test(`IPv${version}: both ends are marked as network control; TTLs are set and read back`, () =>
    withPair(version, (near, far, listener) => {
      for (const fd of [near, far.fd]) {
        assert.equal(getOption(fd, level, trafficClass) & 0xfc, 0xc0);
        assert.equal(getOption(fd, Level.SOCKET, SocketOption.PRIORITY), 6);
        assert.equal(getOption(fd, 6, 1), 1, "TCP_NODELAY");
        assert.deepEqual([4, 5, 6].map((name) => getOption(fd, 6, name)), [30, 5, 3], "keepalives after 30 s");
        assert.equal(getOption(fd, Level.SOCKET, 9), 1, "SO_KEEPALIVE");
      }
      assert.deepEqual([near, far.fd, listener].map((fd) => getOption(fd, level, ttl)), [64, 255, 255]);
      assert.equal(synTtl(far.fd), 64);
      assert.equal(synTtl(near), null);
      setTtl(far.fd, version, { ttl: 1, minTtl: 254 });
      assert.deepEqual([ttl, minTtl].map((name) => getOption(far.fd, level, name)), [1, 254]);
      setTtl(far.fd, version, { ttl: 2, minTtl: null });
      assert.deepEqual([ttl, minTtl].map((name) => getOption(far.fd, level, name)), [2, 254]);
    }));

  Deno.test(`IPv${version}: a connect that is refused says so, at once or as the error of the socket`, async () => {
    const listener = listenOn({ version, port: 0, keys: [], backlog: 1 });
    const port = localEndpoint(listener)?.port ?? 0;
    closeFd(listener);
    let fd = -1;
    try {
      fd = startConnect(target(ip, port));
      await until(() => takeSocketError(fd) === Errno.ECONNREFUSED, "the refusal");
    } catch (error) {
      assert.equal((error as { code?: string }).code, "ECONNREFUSED");
    } finally {
      if (fd !== -1) closeFd(fd);
    }
  });
}

Deno.test("a reset is at the other end when abortSocket() returns, also while a poll holds the socket", async () => {
  const listener = listenOn({ version: 4, port: 0, keys: [], backlog: 8 });
  const near = startConnect(target("127.0.0.1", localEndpoint(listener)?.port ?? 0));
  const far = await accept(listener);
  const poller = new Poller((error) => assert.fail(String(error)));
  const watch = poller.watch(near, () => assert.fail("nothing comes"));
  await new Promise((resolve) => setTimeout(resolve, 20)); // parked by now
  abortSocket(near);
  watch.stop();
  assert.equal(tryReceiveSome(far.fd, new Uint8Array(1)), -Errno.ECONNRESET);
  await poller.close();
  closeFd(far.fd);
  closeFd(listener);
});

Deno.test("nobody waits at a listener: EAGAIN; links are named in the namespace of the socket", () => {
  const listener = listenOn({ version: 6, port: 0, keys: [], backlog: 8 });
  assert.equal(tryAccept(listener), -Errno.EAGAIN);
  assert.deepEqual([linkNameOf(listener, 1), linkNameOf(listener, 999_999)], ["lo", null]);
  closeFd(listener);
  assert.equal(tryAccept(listener), -Errno.EBADF);
});

Deno.test("a connection comes from the source address that was asked for", async () => {
  const listener = listenOn({ version: 4, port: 0, keys: [], backlog: 8 });
  const near = startConnect(target("127.0.0.1", localEndpoint(listener)?.port ?? 0, { sourceIp: "127.7.7.7" }));
  const far = await accept(listener);
  assert.equal(far.remote.ip, "127.7.7.7");
  for (const fd of [near, far.fd, listener]) closeFd(fd);
});

/** What no connect can be made of, and the error that says so. */
function impossible(): readonly [TcpTarget, string, string, string][] {
  return [
    [target("name", 1), "parse IP address", "name", "EINVAL"],
    [target("127.0.0.1", 1, { sourceIp: "192.0.2.9" }), "bind", "192.0.2.9", "EADDRNOTAVAIL"],
    [target("127.0.0.1", 1, { sourceIp: "::1" }), "bind", "::1", "EAFNOSUPPORT"],
    [target("::1", 1, { interface: "nothing0" }), "find link", "nothing0", "ENODEV"],
    [target("::1", 1, { interface: "a-name-that-is-too-long" }), "find link", "a-name-that-is-too-long", "ENODEV"],
    [target("127.0.0.1", 1, { ttl: 256 }), "set socket option", "0/2", "EINVAL"],
    [target("127.0.0.1", 1, { password: "" }), "set TCP-MD5 key for", "127.0.0.1", "EINVAL"],
    [target("127.0.0.1", 1, { password: "é".repeat(41) }), "set TCP-MD5 key for", "127.0.0.1", "EINVAL"],
  ];
}

Deno.test("what cannot be is a SysError that names operation and subject", () => {
  for (const [wanted, op, subject, code] of impossible()) {
    assert.throws(() => startConnect(wanted), { name: "SysError", op, subject, code });
  }
  const keys = [{ ip: "127.0.0.1", password: "x".repeat(81) }];
  assert.throws(() => listenOn({ version: 4, port: 0, keys, backlog: 1 }), {
    message: "Cannot set TCP-MD5 key for 127.0.0.1: EINVAL (a key of 81 bytes, wanted 1 to 80)",
  });
});

Deno.test("no descriptor stays open after a connect that cannot be made", async () => {
  // In a process of its own: other threads of this one open and close descriptors all the time.
  const script = `
    import { startConnect } from ${JSON.stringify(new URL("../../mod/linux/tcp_socket.ts", import.meta.url).href)};
    const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const failures = () => ${JSON.stringify(impossible().map(([wanted]) => wanted))}.filter((wanted) => {
      try {
        startConnect(wanted);
      } catch {
        return true;
      }
    });
    failures();
    const before = open();
    console.log(failures().length, open() - before);`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--config", config, script] })
    .output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(text, `${impossible().length} 0\n`, new TextDecoder().decode(stderr));
});
