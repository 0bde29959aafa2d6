import assert from "node:assert/strict";
import { Entrance } from "../../../mod/balance/tls/entrance.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { eventually } from "../kit.ts";
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

Deno.test("what is under way when it retires is made, and then nobody is let in", () =>
  withEntrance(async (entrance, port) => {
    const passing = entrance.pass(wanted);
    const retired = entrance.retire();
    const passage = await passing;
    assert.ok(passage);
    await retired;
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
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
