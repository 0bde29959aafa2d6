import assert from "node:assert/strict";
import type { HostAddress } from "../../mod/bgp/next_hop.ts";
import { OwnAddresses } from "../../mod/bgp/own_addresses.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { ADDRESSES } from "./configs.ts";
import { recordedLog } from "./speaker_kit.ts";

Deno.test("a kernel that cannot answer leaves what was known, is asked again each second, and is told of once", () => {
  const clock = new VirtualClock();
  const { log, lines } = recordedLog();
  let answer: readonly HostAddress[] | null = ADDRESSES;
  let changes = 0;
  const read = (): readonly HostAddress[] => {
    if (answer === null) throw new Error("ENOBUFS");
    return answer;
  };
  const changed = (): void => {
    changes++;
    own.current();
  };
  const own = new OwnAddresses({ read, clock, log, changed });
  assert.deepEqual(own.current(), ADDRESSES);
  answer = null;
  assert.deepEqual(own.current(), ADDRESSES);
  assert.deepEqual(own.current(), ADDRESSES);
  assert.equal(clock.pending, 1);
  clock.advance(3000);
  assert.deepEqual([changes, lines.length], [3, 1]);
  answer = [];
  clock.advance(1000);
  assert.deepEqual([changes, clock.pending, own.current()], [4, 0, []]);
  answer = null;
  own.current();
  assert.equal(lines.length, 2, "after an answer it is news again");
  own.stop();
  own.current();
  assert.equal(clock.pending, 0);
});
