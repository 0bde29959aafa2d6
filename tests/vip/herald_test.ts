import assert from "node:assert/strict";
import { Attempts } from "../../mod/vip/attempts.ts";
import { Herald } from "../../mod/vip/herald.ts";
import { Links } from "../../mod/vip/links.ts";
import { Seats } from "../../mod/vip/seats.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeAnnouncer, FakeKernel } from "../fakes/kernel.ts";

const IP = "10.0.0.9";

function bench(): { clock: VirtualClock; herald: Herald; announcer: FakeAnnouncer; done: string[] } {
  const clock = new VirtualClock();
  const announcer = new FakeAnnouncer();
  const book = new FakeKernel(clock);
  const links = new Links({ names: ["eth0"], book, announcer: null });
  const seats = new Seats({ vips: [{ ip: IP, prefixLength: 32, linkName: "eth0" }], book, links });
  const done: string[] = [];
  const herald = new Herald({
    announcer,
    announceEveryMs: 3000,
    seats,
    attempts: new Attempts(() => clock.now()),
    now: () => clock.now(),
    onTakenOver: (ip, takeoverMs) => void done.push(`${ip} ${takeoverMs}`),
  });
  return { clock, herald, announcer, done };
}

Deno.test("a take-over ends with the first announcement that was sent, and is told once", () => {
  const { clock, herald, announcer, done } = bench();
  announcer.refusing.add(IP);
  herald.granted(IP, clock.now());
  herald.due(() => true);
  clock.advance(50);
  announcer.refusing.clear();
  herald.due(() => true);
  clock.advance(100);
  herald.due(() => true);
  assert.deepEqual(done, [`${IP} 50`]);
  assert.equal(herald.lastTakeoverMs(IP), 50);
  assert.equal(announcer.calls.length, 3);
});

Deno.test("what is not served is not announced, and what has ended is not due", () => {
  const { clock, herald, announcer, done } = bench();
  herald.granted(IP, clock.now());
  herald.due(() => false);
  assert.deepEqual([announcer.calls, done], [[], []]);
  herald.end(IP);
  assert.equal(herald.nextDeadline(), null);
  herald.again(IP, clock.now());
  herald.due(() => true);
  assert.deepEqual([announcer.calls, done], [[`announce ${IP}`], []]);
  herald.forget(IP);
  assert.equal(herald.lastTakeoverMs(IP), null);
});
