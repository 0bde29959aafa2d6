import assert from "node:assert/strict";
import { Entrance } from "../../../mod/balance/tls/entrance.ts";
import { Errno } from "../../../mod/linux/errno.ts";
import { libc } from "../../../mod/linux/libc.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { bindSocket, closeFd, Family, internetAddress, openSocket, SocketType } from "../../../mod/linux/socket.ts";
import { receiveStream } from "../../../mod/linux/stream_socket.ts";
import { parseIp } from "../../../mod/net/ip.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { assertRefused, eventually } from "../kit.ts";
import { readPair, withAuthority } from "./certificates.ts";

/** Runs `body` with an entrance, which is retired afterwards, and the port it listens on. */
function withEntrance(body: (entrance: Entrance, port: number) => Promise<void>): Promise<void> {
  return withAuthority(async (authority) => {
    const pair = await readPair(await authority.issue("front", { names: "DNS:localhost" }));
    const entrance = new Entrance({ ...pair, clock: systemClock, protocols: [], resetter: connectionResetter });
    const passage = await entrance.pass(new AbortController().signal);
    assert.ok(passage);
    const { port } = passage.plain.remoteAddr;
    passage.plain.close();
    passage.secure.close();
    try {
      await body(entrance, port);
    } finally {
      await entrance.retire();
    }
  });
}

function ipv4(text: string, port: number): Uint8Array<ArrayBuffer> {
  const ip = parseIp(text);
  assert.ok(ip);
  return internetAddress(ip, port);
}

const wanted = new AbortController().signal;

Deno.test("many passages at once lead each to its own other end", () =>
  withEntrance(async (entrance) => {
    const passages = await Promise.all(Array.from({ length: 100 }, () => entrance.pass(wanted)));
    for (const passage of passages) {
      assert.ok(passage);
      const { plain, secure } = passage;
      assert.equal(plain.localAddr.port, (secure.remoteAddr as Deno.NetAddr).port);
      plain.close();
      secure.close();
    }
  }));

Deno.test("strangers on loopback are closed and stand in nobody's way", () =>
  withEntrance(async (entrance, port) => {
    const strangers = await Promise.all(
      Array.from({ length: 20 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    const passage = await entrance.pass(wanted);
    assert.ok(passage);
    for (const stranger of strangers) {
      assert.equal(await stranger.read(new Uint8Array(1)).catch(() => null), null);
      stranger.close();
    }
    passage.plain.close();
    passage.secure.close();
  }));

Deno.test("a stranger with the port of a passage, but another address of loopback, is not taken for it", () =>
  withEntrance(async (entrance, port) => {
    const elsewhere = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [plain, other] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port: elsewhere.addr.port }),
      elsewhere.accept(),
    ]);
    const { connect } = Deno;
    Object.assign(Deno, { connect: () => Promise.resolve(plain) });
    const stop = new AbortController();
    const passing = entrance.pass(stop.signal);
    Object.assign(Deno, { connect });
    const stranger = openSocket(Family.INET, SocketType.STREAM, 0);
    bindSocket(stranger, ipv4("127.0.0.2", plain.localAddr.port), "the stranger");
    libc.connect(stranger, ipv4("127.0.0.1", port), 16);
    const into = new Uint8Array(1);
    await eventually(() => receiveStream(stranger, into, 1) !== -Errno.EAGAIN, "it is turned away");
    stop.abort();
    assert.equal(await passing, null);
    closeFd(stranger);
    other.close();
    elsewhere.close();
  }));

Deno.test("what is under way when it retires is made, and then nobody is let in", () =>
  withEntrance(async (entrance, port) => {
    const passing = entrance.pass(wanted);
    const retired = entrance.retire();
    const passage = await passing;
    assert.ok(passage);
    await retired;
    await assertRefused(port);
    passage.plain.close();
    passage.secure.close();
  }));

Deno.test("a passage that is not wanted any more leaves nothing open", () =>
  withEntrance(async (entrance) => {
    const stop = new AbortController();
    const passing = Array.from({ length: 20 }, () => entrance.pass(stop.signal));
    stop.abort();
    let made = 0;
    for (const passage of await Promise.all(passing)) {
      if (passage === null) continue;
      made++;
      passage.plain.close();
      passage.secure.close();
    }
    await eventually(() => made <= 20, "the others are closed");
  }));
