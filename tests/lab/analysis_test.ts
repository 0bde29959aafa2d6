import assert from "node:assert/strict";
import {
  blindMs,
  firstReplyMs,
  type Inquiry,
  lastAnswerMs,
  machinesAtOnce,
  median,
  MOST_STALLED_MS,
  outageMs,
  outages,
  ownOutageMs,
  type Ping,
  SLOT_MS,
  worst,
} from "./analysis.ts";

const EVERY_MS = 5;
const ALL = { fromMs: 0, untilMs: 1000 };

/** Pings every 5 ms for a second; `replyMs` gives the delay of each reply or null. */
function pings(replyMs: (sentMs: number) => number | null): Ping[] {
  return Array.from({ length: 201 }, (_, index) => {
    const sentMs = index * EVERY_MS;
    const delay = replyMs(sentMs);
    return { sentMs, repliedMs: delay === null ? null : sentMs + delay };
  });
}

/** Inquiries every 5 ms for a second, answered 0.1 ms later by those `who` names. */
function inquiries(who: (sentMs: number) => readonly string[]): Inquiry[] {
  return Array.from({ length: 201 }, (_, index) => {
    const sentMs = index * EVERY_MS;
    return { sentMs, answers: who(sentMs).map((mac, place) => ({ mac, atMs: sentMs + 0.1 + place / 100 })) };
  });
}

const OUTAGE_CASES: { name: string; replyMs: (sentMs: number) => number | null; expected: number }[] = [
  { name: "every request answered", replyMs: () => 0.2, expected: 0 },
  { name: "one request lost", replyMs: (at) => at === 500 ? null : 0.2, expected: 5.2 },
  { name: "a hole of 300 ms", replyMs: (at) => at >= 200 && at < 500 ? null : 0.2, expected: 300.2 },
  {
    name: "the longer of two holes",
    replyMs: (at) => at === 100 || (at >= 400 && at < 440) ? null : 0.2,
    expected: 40.2,
  },
  { name: "replies queued until 500", replyMs: (at) => at >= 200 && at < 500 ? 500 - at : 0.2, expected: 300 },
  {
    name: "queued replies in the middle of a hole",
    replyMs: (at) => at < 200 || at >= 500 ? 0.2 : at === 300 ? 50 : null,
    expected: 300.2,
  },
  { name: "a reply that is slow, but not late", replyMs: (at) => at === 300 ? 20 : 0.2, expected: 0 },
  { name: "service does not come back", replyMs: (at) => at >= 700 ? null : 0.2, expected: Infinity },
  { name: "no service at all", replyMs: () => null, expected: Infinity },
  { name: "the last requests are too young to be missed", replyMs: (at) => at > 980 ? null : 0.2, expected: 0 },
];

for (const { name, replyMs, expected } of OUTAGE_CASES) {
  Deno.test(`the outage of a record is measured from the first missed request to the first reply: ${name}`, () => {
    assert.equal(Number(outageMs(pings(replyMs), ALL).toFixed(6)), expected);
  });
}

const hole = (from: number, until: number) => (at: number): number | null => at >= from && at < until ? null : 0.2;
const queued = (from: number, until: number) => (at: number): number => at >= from && at < until ? until - at : 0.2;

const OWN_CASES: {
  name: string;
  replyMs: (sentMs: number) => number | null;
  others: (sentMs: number) => number | null;
  expected: number;
}[] = [
  { name: "everybody is answered", replyMs: hole(0, 0), others: hole(0, 0), expected: 0 },
  { name: "others are answered all the time", replyMs: hole(200, 500), others: hole(0, 0), expected: 300.2 },
  { name: "both wait for the machine", replyMs: queued(200, 500), others: queued(200, 500), expected: 0 },
  { name: "the machine stands still within it", replyMs: hole(200, 500), others: queued(300, 400), expected: 200.2 },
  { name: "the machine stands still at its end", replyMs: hole(200, 500), others: queued(400, 600), expected: 200 },
  {
    name: "the machine stands still at another time",
    replyMs: hole(200, 300),
    others: hole(600, 700),
    expected: 100.2,
  },
  { name: "others are late, but not missed", replyMs: hole(200, 300), others: () => 20, expected: 100.2 },
  { name: "nobody is ever answered again", replyMs: hole(200, 2000), others: hole(200, 2000), expected: Infinity },
  { name: "others are never answered", replyMs: hole(200, 300), others: () => null, expected: 100.2 },
];

for (const { name, replyMs, others, expected } of OWN_CASES) {
  Deno.test(`an outage is less what the machine itself stood still: ${name}`, () => {
    assert.equal(Number(ownOutageMs(pings(replyMs), ALL, pings(others)).toFixed(6)), expected);
  });
}

Deno.test("of one outage only so much is put down to the machine", () => {
  const silence = (
    untilMs: number,
  ): Ping[] => [{ sentMs: 0, repliedMs: untilMs }, { sentMs: untilMs, repliedMs: untilMs }];
  const [longMs, span] = [3 * MOST_STALLED_MS, { fromMs: 0, untilMs: 4 * MOST_STALLED_MS }];
  assert.equal(ownOutageMs(silence(longMs), span, silence(longMs)), longMs - MOST_STALLED_MS);
});

Deno.test("requests before and after the span do not count", () => {
  const record = pings((at) => at < 300 || at > 600 ? null : 0.2);
  assert.equal(outageMs(record, { fromMs: 300, untilMs: 600 }), 0);
  assert.equal(outageMs(record, { fromMs: 300, untilMs: 800 }), Infinity);
});

Deno.test("separate outages are told apart and service shorter than a slot does not end one", () => {
  const apart = outages(pings((at) => at === 100 || at === 600 ? null : 0.2), ALL);
  assert.equal(apart.length, 2);
  const flapping = outages(pings((at) => at >= 100 && at <= 200 && at !== 150 ? null : 0.2), ALL);
  assert.deepEqual(flapping.map((outage) => outage.fromMs), [100]);
  assert.equal(flapping[0]?.untilMs, 205.2);
});

Deno.test("the longest silence of the prober itself is reported", () => {
  assert.equal(blindMs([0, 5, 10, 60, 65], ALL), 50);
  assert.equal(blindMs([0, 5, 10, 60, 65], { fromMs: 0, untilMs: 10 }), 5);
  assert.equal(blindMs([], ALL), 0);
});

const MACHINE_CASES: { name: string; who: (sentMs: number) => readonly string[]; expected: number }[] = [
  { name: "nobody", who: () => [], expected: 0 },
  { name: "one machine", who: () => ["a"], expected: 1 },
  { name: "one after the other", who: (at) => at < 500 ? ["a"] : ["b"], expected: 1 },
  { name: "there and back again with a pause", who: (at) => at < 400 ? ["a"] : at < 500 ? ["b"] : ["a"], expected: 1 },
  { name: "two machines answer one inquiry", who: (at) => at === 500 ? ["a", "b"] : ["a"], expected: 2 },
  { name: "two machines all the time", who: () => ["a", "b"], expected: 2 },
  { name: "three machines at once", who: (at) => at === 500 ? ["a", "b", "c"] : [], expected: 3 },
  { name: "another answers in the middle of a row", who: (at) => at === 500 ? ["b"] : ["a"], expected: 2 },
  { name: "two take turns", who: (at) => at % 10 === 0 ? ["a"] : ["b"], expected: 2 },
  { name: "one machine answers twice", who: () => ["a", "a"], expected: 1 },
];

for (const { name, who, expected } of MACHINE_CASES) {
  Deno.test(`the machines that answer at one instant are counted: ${name}`, () => {
    assert.equal(machinesAtOnce(inquiries(who), ALL), expected);
  });
}

Deno.test("two machines answering outside the span do not count", () => {
  const record = inquiries((at) => at < 300 ? ["a", "b"] : ["b"]);
  assert.equal(machinesAtOnce(record, { fromMs: 300, untilMs: 1000 }), 1);
  assert.equal(machinesAtOnce(record, { fromMs: 295, untilMs: 1000 }), 2);
});

Deno.test("a machine that pauses longer than a slot has stopped answering in between", () => {
  const pause = SLOT_MS + 2 * EVERY_MS;
  const record = inquiries((at) => at > 300 && at < 300 + pause ? (at === 315 ? ["b"] : []) : ["a"]);
  assert.equal(machinesAtOnce(record, ALL), 1);
});

Deno.test("the last answer in a span is found", () => {
  const record = inquiries((at) => at <= 500 ? ["a"] : []);
  assert.equal(lastAnswerMs(record, ALL), 500.1);
  assert.equal(lastAnswerMs(record, { fromMs: 600, untilMs: 700 }), null);
});

Deno.test("the first reply after a moment is found", () => {
  const record = pings((at) => at < 300 ? null : 0.5);
  assert.equal(firstReplyMs(record, 0), 300.5);
  assert.equal(firstReplyMs(record, 302), 305.5);
  assert.equal(firstReplyMs(record, 2000), null);
});

Deno.test("median and worst", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([1, Infinity, 2]), 2);
  assert.ok(Number.isNaN(median([])));
  assert.equal(worst([3, 9, 1]), 9);
  assert.ok(Number.isNaN(worst([])));
});
