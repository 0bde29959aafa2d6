import assert from "node:assert/strict";
import { beSole, SOLE_AGENT } from "../../mod/agent/sole_agent.ts";
import { NamespaceLock } from "../../mod/linux/namespace_lock.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { privileged } from "../fakes/privileges.ts";

const NEVER = new Promise<string>(() => {});

/** Lets what was resolved go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

privileged("a second agent in the network namespace waits until the first has ended", async () => {
  const clock = new VirtualClock();
  const namespace = Namespace.create();
  const take = (name: string): NamespaceLock | null => namespace.run(() => NamespaceLock.take(name));
  const options = { clock, signals: { stop: NEVER, stopped: false }, take };
  const first = await beSole(options);
  let second: Awaited<ReturnType<typeof beSole>> = null;
  const waiting = beSole(options).then((sole) => second = sole);
  for (let look = 0; look < 4; look++) {
    await settle();
    clock.advance(500);
  }
  assert.equal(second, null);
  first?.release();
  await settle();
  clock.advance(500);
  await waiting;
  assert.notEqual(second, null);
  assert.equal(take(SOLE_AGENT), null);
  (second as NamespaceLock | null)?.release();
  namespace.close();
});

Deno.test("a stop ends the wait", async () => {
  const stop = Promise.withResolvers<string>();
  const signals = { stop: stop.promise, stopped: false };
  const waiting = beSole({ clock: new VirtualClock(), signals, take: () => null });
  signals.stopped = true;
  stop.resolve("SIGTERM");
  assert.equal(await waiting, null);
});

Deno.test("a kernel that does not tell keeps nobody from starting", async () => {
  const take = (): never => {
    throw new Error("refused");
  };
  const signals = { stop: NEVER, stopped: false };
  assert.notEqual(await beSole({ clock: new VirtualClock(), signals, take }), null);
});
