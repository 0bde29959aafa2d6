import assert from "node:assert/strict";
import { FAMILIES, feedPings, formatEvent, OTHERS, parseEvent, type ProbeEvent, ProbeRecord } from "./records.ts";

const MAC = "02:00:00:00:00:01";

const EVENTS: { event: ProbeEvent; line: string }[] = [
  { event: { kind: "sent", family: 4, number: 0, atMs: 12.5, mac: "" }, line: "s 4 0 12.50" },
  { event: { kind: "reply", family: 6, number: 70000, atMs: 1.23, mac: "" }, line: "r 6 70000 1.23" },
  { event: { kind: "claim", family: 6, number: 0, atMs: 5, mac: MAC }, line: `c 6 0 5.00 ${MAC}` },
  { event: { kind: "reply", family: 4, number: 3, atMs: 7, mac: MAC }, line: `r 4 3 7.00 ${MAC}` },
];

Deno.test("an event and its line are the same in both directions", () => {
  for (const { event, line } of EVENTS) {
    assert.equal(formatEvent(event), line);
    assert.deepEqual(parseEvent(line), event);
  }
});

Deno.test("lines that are no event are ignored", () => {
  for (const line of ["", "s 5 0 1", "x 4 0 1", "s 4 0", "s 4 -1 3", "r 4 0 1 nobody", " s 4 0 1"]) {
    assert.equal(parseEvent(line), null, line);
  }
});

/** A record of requests every 5 ms from 0, answered 1 ms later where `answered` says so. */
function record(count: number, answered: (number: number) => boolean): ProbeRecord {
  const made = new ProbeRecord();
  for (let number = 0; number < count; number++) {
    made.feed(`s 4 ${number} ${number * 5}`);
    if (answered(number)) made.feed(`r 4 ${number} ${number * 5 + 1} ${MAC}`);
  }
  return made;
}

Deno.test("requests and replies become tables", () => {
  const made = record(3, (number) => number !== 1);
  assert.deepEqual(made.pings(4), [
    { sentMs: 0, repliedMs: 1 },
    { sentMs: 5, repliedMs: null },
    { sentMs: 10, repliedMs: 11 },
  ]);
  assert.deepEqual(made.inquiries(4)[2]?.answers, [{ atMs: 11, mac: MAC }]);
  assert.deepEqual(made.pings(6), []);
});

Deno.test("service counts from the reply after the last request without one", () => {
  assert.equal(record(10, () => true).servedSince(4), 1);
  assert.equal(record(10, (number) => number > 5).servedSince(4), 31);
  assert.equal(record(10, (number) => number < 9).servedSince(4), 1);
  assert.equal(record(10, (number) => number < 4).servedSince(4), null);
  assert.equal(record(10, () => false).servedSince(4), null);
  assert.equal(record(10, () => true).servedSince(6), null);
});

Deno.test("machines that answered in the last moments are named", () => {
  assert.deepEqual([...record(20, () => true).answering(4)], [MAC]);
  assert.deepEqual([...record(20, (number) => number < 12).answering(4)], [MAC]);
  assert.deepEqual([...record(20, (number) => number < 8).answering(4)], []);
  const two = record(20, () => true);
  two.feed("r 4 19 97 02:00:00:00:00:02");
  assert.equal(two.answering(4).size, 2);
});

Deno.test("announcements are kept apart from answers", () => {
  const made = record(2, () => false);
  made.feed(`c 4 0 7 ${MAC}`);
  assert.deepEqual(made.claims(4), [{ atMs: 7, mac: MAC }]);
  assert.equal(made.answering(4).size, 0);
  assert.deepEqual(made.claims(6), []);
});

Deno.test("a cleared record goes on with what follows", () => {
  const made = record(10, () => true);
  made.clear();
  made.feed("r 4 9 99");
  made.feed("s 4 10 50");
  assert.deepEqual(made.pings(4), [{ sentMs: 50, repliedMs: null }]);
  assert.equal(made.newestSentMs(4), 50);
});

Deno.test("who waits for a record looks again at every event", async () => {
  const made = new ProbeRecord();
  const seen = made.changes.until(() => made.servedSince(4), 1000, "an answer");
  made.feed("s 4 0 1");
  made.feed(`r 4 0 2 ${MAC}`);
  assert.equal(await seen, 2);
  await assert.rejects(made.changes.until(() => null, 10, "nothing"), /nothing: not within 10 ms/);
});

Deno.test("what a pinger writes of others is kept apart, under the same numbers", () => {
  const records = { pings: new ProbeRecord(), others: new ProbeRecord() };
  for (const line of ["s 4 0 1.00", `${OTHERS}s 4 0 1.10`, `${OTHERS}r 4 0 1.30`]) feedPings(line, records);
  assert.deepEqual(records.pings.pings(4), [{ sentMs: 1, repliedMs: null }]);
  assert.deepEqual(records.others.pings(4), [{ sentMs: 1.1, repliedMs: 1.3 }]);
});

Deno.test("a record is known up to its last line, and is steady only if it reaches to where it is asked for", () => {
  const record = new ProbeRecord();
  assert.equal(record.knownMs, -Infinity);
  for (let number = 0; number <= 20; number++) {
    for (const family of FAMILIES) {
      for (const [letter, late] of [["s", 0], ["r", 1]] as const) {
        record.feed(`${letter} ${family} ${number} ${(number * 5 + late).toFixed(2)}`);
      }
    }
  }
  assert.equal(record.knownMs, 101);
  assert.deepEqual([record.isSteady(90), record.isSteady(90, 100), record.isSteady(90, 101)], [true, true, false]);
});
