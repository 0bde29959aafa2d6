import assert from "node:assert/strict";
import type { Transport } from "../../mod/election/raft/transport.ts";
import type { MemberId } from "../../mod/election/raft/types.ts";

/** Members a, b and c that can reach each other. */
export interface Net {
  /** A new, unstarted transport of a member, as a restarted process would make it. */
  join(id: MemberId): Transport;
  /** Lets what is under way arrive. */
  settle(): Promise<void>;
  dispose(): Promise<void>;
}

type Scenario = (net: Net) => Promise<void>;

interface Member {
  readonly transport: Transport;
  readonly got: { from: MemberId; payload: Uint8Array }[];
}

const SCENARIOS: Record<string, Scenario> = {
  "a payload arrives as it was sent, with the sender's id": async (net) => {
    const [a, b, c] = await members(net);
    await until(net, "a to b", {
      done: () => b.got.length > 0,
      act: () => a.transport.send("b", Uint8Array.of(1, 2, 3)),
    });
    await until(net, "c to b", {
      done: () => b.got.some((each) => each.from === "c"),
      act: () => c.transport.send("b", new Uint8Array()),
    });
    assert.deepEqual(b.got[0], { from: "a", payload: Uint8Array.of(1, 2, 3) });
    assert.deepEqual(b.got.at(-1)?.payload, new Uint8Array());
    assert.equal(c.got.length, 0);
  },
  "60,000 bytes fit one datagram, more are lost without an error": async (net) => {
    const [a, b] = await members(net);
    const large = Uint8Array.from({ length: 60_000 }, (_, i) => i % 251);
    await until(net, "60,000 bytes", { done: () => b.got.length > 0, act: () => a.transport.send("b", large) });
    assert.deepEqual(b.got[0]?.payload, large);
    b.got.length = 0;
    a.transport.send("b", new Uint8Array(70_000));
    await net.settle();
    assert.equal(b.got.filter((each) => each.payload.length !== 60_000).length, 0);
  },
  "the sender may reuse its buffer at once": async (net) => {
    const [a, b] = await members(net);
    const act = (): void => {
      const buffer = Uint8Array.of(5, 5);
      a.transport.send("b", buffer);
      buffer.fill(0);
    };
    await until(net, "a to b", { done: () => b.got.length > 0, act });
    for (const each of b.got) assert.deepEqual(each.payload, Uint8Array.of(5, 5));
  },
  "what cannot be sent is lost without an error": async (net) => {
    const early = net.join("a");
    early.send("b", Uint8Array.of(1));
    await early.start();
    early.send("nobody", Uint8Array.of(1));
    early.send("b", Uint8Array.of(1));
    await net.settle();
    await early.stop();
    early.send("b", Uint8Array.of(1));
  },
  "a stopped member receives nothing, and stopping twice is harmless": async (net) => {
    const [a, b] = await members(net);
    await until(net, "a to b", { done: () => b.got.length > 0, act: () => a.transport.send("b", Uint8Array.of(1)) });
    await net.settle();
    await b.transport.stop();
    await b.transport.stop();
    const before = b.got.length;
    a.transport.send("b", Uint8Array.of(2));
    await net.settle();
    assert.equal(b.got.length, before);
  },
  "a member that has restarted is reached again, and reaches the others": async (net) => {
    const [a, b] = await members(net);
    await until(net, "a to b", { done: () => b.got.length > 0, act: () => a.transport.send("b", Uint8Array.of(1)) });
    await b.transport.stop();
    const again = await member(net, "b");
    await until(net, "a to the new b", {
      done: () => again.got.length > 0,
      act: () => a.transport.send("b", Uint8Array.of(2)),
    });
    await until(net, "the new b to a", {
      done: () => a.got.length > 0,
      act: () => again.transport.send("a", Uint8Array.of(3)),
    });
    assert.deepEqual(a.got[0], { from: "b", payload: Uint8Array.of(3) });
    assert.deepEqual(again.got[0]?.payload, Uint8Array.of(2));
    await again.transport.stop();
  },
};

/** Registers the suite that every implementation of {@link Transport} passes. */
export function transportContract(name: string, makeNet: () => Promise<Net>): void {
  for (const [sentence, scenario] of Object.entries(SCENARIOS)) {
    Deno.test(`transport over ${name}: ${sentence}`, async () => {
      const net = await makeNet();
      try {
        await scenario(net);
      } finally {
        await net.dispose();
      }
    });
  }
}

async function members(net: Net): Promise<[Member, Member, Member]> {
  return [await member(net, "a"), await member(net, "b"), await member(net, "c")];
}

async function member(net: Net, id: MemberId): Promise<Member> {
  const transport = net.join(id);
  const got: Member["got"] = [];
  transport.onReceive = (from, payload) => void got.push({ from, payload: payload.slice() });
  await transport.start();
  return { transport, got };
}

/** Does `act` until `done`: a transport may lose datagrams, but not for ever. */
async function until(net: Net, what: string, { done, act }: { done: () => boolean; act: () => void }): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (done()) return;
    act();
    await net.settle();
  }
  assert.fail(`${what}: nothing arrived in 2000 attempts`);
}
