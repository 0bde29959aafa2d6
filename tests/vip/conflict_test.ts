import assert from "node:assert/strict";
import { Conflicts, DEFEND_INTERVAL_MS, FOREIGN_MEMORY_MS, NEWS_EVERY_MS } from "../../mod/vip/conflict.ts";

const SIGHTING = { ip: "10.0.0.9", mac: "02:00:00:00:00:99" };
const HELD = { held: true, ownMac: "02:00:00:00:00:01" };
const NOT_HELD = { ...HELD, held: false };
const NOBODY = { atMs: null, graceMs: 200 };

Deno.test("a claim while held is defended, at most once a second, and counted each time", () => {
  const conflicts = new Conflicts();
  assert.equal(conflicts.see(SIGHTING, 1000, HELD).rule, "defend");
  assert.equal(conflicts.see(SIGHTING, 1000 + DEFEND_INTERVAL_MS - 1, HELD).rule, "defended-already");
  assert.equal(conflicts.see(SIGHTING, 1000 + DEFEND_INTERVAL_MS, HELD).rule, "defend");
  assert.equal(conflicts.count(SIGHTING.ip), 3);
});

Deno.test("our own frame is no conflict", () => {
  const conflicts = new Conflicts();
  assert.equal(conflicts.see({ ip: SIGHTING.ip, mac: HELD.ownMac }, 1000, HELD).rule, "own");
  assert.equal(conflicts.count(SIGHTING.ip), 0);
});

Deno.test("a claim while nobody of the cluster holds makes a stranger, for a while", () => {
  const conflicts = new Conflicts();
  assert.equal(conflicts.see(SIGHTING, 1000, NOT_HELD).rule, "remembered");
  assert.equal(conflicts.stranger(SIGHTING.ip, 1200, NOBODY), SIGHTING.mac);
  assert.equal(conflicts.stranger(SIGHTING.ip, 1000 + FOREIGN_MEMORY_MS + 1, NOBODY), null);
  assert.equal(conflicts.stranger("10.0.0.10", 1200, NOBODY), null);
});

Deno.test("a claim while a member holds is that member's", () => {
  const conflicts = new Conflicts();
  conflicts.see(SIGHTING, 1000, NOT_HELD);
  assert.equal(conflicts.stranger(SIGHTING.ip, 1300, { atMs: 1030, graceMs: 200 }), null);
  assert.equal(conflicts.stranger(SIGHTING.ip, 1300, { atMs: 850, graceMs: 200 }), null);
  assert.equal(conflicts.stranger(SIGHTING.ip, 1300, { atMs: 700, graceMs: 200 }), SIGHTING.mac);
});

Deno.test("a claim while the address is merely preserved is counted and left unanswered", () => {
  const conflicts = new Conflicts();
  assert.equal(conflicts.see(SIGHTING, 1000, { ...HELD, preserved: true }).rule, "yielded");
  assert.equal(conflicts.see(SIGHTING, 1000, HELD).rule, "defend");
  assert.equal(conflicts.count(SIGHTING.ip), 2);
});

Deno.test("a conflict that goes on is defended each time and is news once a minute, or when it is another machine", () => {
  const conflicts = new Conflicts();
  const isNews = (now: number, mac = SIGHTING.mac): boolean => {
    const outcome = conflicts.see({ ...SIGHTING, mac }, now, HELD);
    assert.ok(outcome.rule === "defend", `${now} ${outcome.rule}`);
    return outcome.isNews;
  };
  assert.equal(isNews(1000), true);
  let news = 0;
  for (let now = 2000; now < 1000 + 10 * NEWS_EVERY_MS; now += DEFEND_INTERVAL_MS) if (isNews(now)) news++;
  assert.equal(news, 9);
  const laterMs = 1000 + 10 * NEWS_EVERY_MS;
  assert.equal(isNews(laterMs), true);
  assert.equal(isNews(laterMs + 1000, "02:00:00:00:00:77"), true);
});

Deno.test("nothing is kept of an address that is not managed any more", () => {
  const conflicts = new Conflicts();
  conflicts.see(SIGHTING, 1000, HELD);
  conflicts.see(SIGHTING, 1000, NOT_HELD);
  conflicts.forget(SIGHTING.ip);
  assert.equal(conflicts.count(SIGHTING.ip), 0);
  assert.equal(conflicts.stranger(SIGHTING.ip, 1000, NOBODY), null);
  assert.equal(conflicts.see(SIGHTING, 1001, HELD).rule, "defend");
});
