import assert from "node:assert/strict";
import { CONTROL_SOCKET } from "../../mod/agent/control.ts";
import { type Answer, askAgent, refusalOf } from "../../mod/cli/control_client.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { withAgent } from "./agent_fixture.ts";
import { CLUSTER } from "./status_fixture.ts";

const STATUS = { method: "GET", path: "/status" } as const;

/** Runs `act` beside a socket that answers every request with these bytes. */
async function withSocket(answer: string, act: (stateDir: string) => Promise<void>): Promise<void> {
  const stateDir = await Deno.makeTempDir();
  const listener = Deno.listen({ transport: "unix", path: `${stateDir}/${CONTROL_SOCKET}` });
  const serving = (async () => {
    for await (const conn of listener) {
      const asked = await conn.read(new Uint8Array(4096));
      if (asked !== null) await conn.write(new TextEncoder().encode(answer));
      conn.close();
    }
  })();
  await act(stateDir);
  listener.close();
  await serving;
  await Deno.remove(stateDir, { recursive: true });
}

function why(answer: Answer): string {
  return answer.outcome === "failed" ? answer.why : `answered ${answer.status}`;
}

Deno.test("the agent's JSON comes back with its status", async () => {
  await withAgent({}, async (stateDir) => {
    assert.deepEqual(await askAgent(stateDir, STATUS), { outcome: "answered", status: 200, value: CLUSTER });
    const lost = await askAgent(stateDir, { method: "GET", path: "/nothing" });
    assert.equal(lost.outcome === "answered" && lost.status, 404);
    assert.match(lost.outcome === "answered" ? refusalOf(lost) : "", /No such request/);
  });
});

Deno.test("no agent, a socket without an agent, and answers that make no sense have reasons", async () => {
  const stateDir = await Deno.makeTempDir();
  assert.match(why(await askAgent(stateDir, STATUS)), /^No agent answers on .*; is kube-vip running on this machine/);
  Deno.listen({ transport: "unix", path: `${stateDir}/${CONTROL_SOCKET}` }).close();
  assert.match(why(await askAgent(stateDir, STATUS)), /^No agent answers on /);
  await Deno.remove(stateDir, { recursive: true });
  await withSocket("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", async (dir) => {
    assert.match(why(await askAgent(dir, STATUS)), /gave no answer that can be read/);
  });
  await withSocket("hello", async (dir) => {
    assert.match(why(await askAgent(dir, STATUS)), /gave no answer that can be read/);
  });
});

Deno.test("an agent that hangs is given up", async () => {
  const hang = Promise.withResolvers<unknown>();
  const asked = Promise.withResolvers<void>();
  const status = (): Promise<unknown> => {
    asked.resolve();
    return hang.promise;
  };
  await withAgent({ status }, async (stateDir) => {
    const clock = new VirtualClock();
    const answer = askAgent(stateDir, STATUS, { clock, limitMs: 5000 });
    await asked.promise;
    clock.advance(5000);
    assert.match(why(await answer), /has not answered for 5000 ms; it may hang$/);
    assert.equal(clock.pending, 0);
    hang.resolve({});
  });
});

Deno.test("a refusal is the agent's own words where it has any", () => {
  const answer = (value: unknown): string => refusalOf({ outcome: "answered", status: 500, value });
  assert.equal(answer({ error: "x" }), "x");
  assert.equal(answer({ outcome: "refused", why: "y" }), "y");
  for (const value of [null, 3, {}, { error: 1 }]) assert.equal(answer(value), "status 500");
});
