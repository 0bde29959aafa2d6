import assert from "node:assert/strict";
import { askLivez } from "../../mod/health/livez.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, GONE, OK, pass, refusal, StubServers } from "./stub_client.ts";

async function outcomeOf(behaviour: Behaviour): Promise<string> {
  const clock = new VirtualClock();
  const client = new StubServers(clock, () => behaviour).client("https://10.0.0.1:6443");
  const result = askLivez(client, clock);
  await pass(clock, 1000);
  return (await result).outcome;
}

Deno.test("a server that answers lives unless it says that it is not well", async () => {
  const table: [Behaviour, string][] = [
    [OK, "good"],
    ...[401, 403, 404, 429].map((status): [Behaviour, string] => [refusal(status), "good"]),
    ...[500, 502, 503, 504].map((status): [Behaviour, string] => [refusal(status), "ailing"]),
    [GONE, "gone"],
    ["hangs", "ailing"],
  ];
  for (const [behaviour, expected] of table) {
    assert.equal(await outcomeOf(behaviour), expected, JSON.stringify(behaviour));
  }
});
