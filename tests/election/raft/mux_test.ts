import assert from "node:assert/strict";
import { Mux, RAFT_CHANNEL, STATUS_CHANNEL } from "../../../mod/election/raft/mux.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { MemoryNetwork } from "../../fakes/memory_network.ts";
import { seededRandom } from "../../fakes/random.ts";

Deno.test("channels of one transport do not mix, and a channel nobody knows is counted", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, seededRandom(1));
  const [sender, receiver] = [network.join("a"), network.join("b")];
  const [out, input] = [new Mux(sender), new Mux(receiver)];
  await sender.start();
  await receiver.start();
  const got: string[] = [];
  for (const channel of [RAFT_CHANNEL, STATUS_CHANNEL]) {
    input.channel(channel).onReceive = (from, payload) => void got.push(`${channel} ${from} ${payload.toHex()}`);
    out.channel(channel).send("b", Uint8Array.of(channel + 16));
    clock.advance(10);
  }
  out.channel(9).send("b", Uint8Array.of(1));
  sender.send("b", new Uint8Array());
  clock.advance(10);
  assert.deepEqual(got, ["0 a 10", "1 a 11"]);
  assert.equal(input.unclaimed, 2);
  assert.equal(input.channel(1), input.channel(1));
});
