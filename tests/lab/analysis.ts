/**
 * What the probes saw, turned into figures. Pure: tables in, figures out; every time is in milliseconds on one clock.
 *
 * Two questions are answered, per address family: for how long did the client get no answer, and how many machines answered for
 * the address at one instant.
 */

/** One echo request and the arrival of its reply. */
export interface Ping {
  readonly sentMs: number;
  /** null: no reply until now. */
  readonly repliedMs: number | null;
}

/** One "who has the address" and everybody who answered it. */
export interface Inquiry {
  readonly sentMs: number;
  readonly answers: readonly Answer[];
}

/** A reply to one inquiry. */
export interface Answer {
  readonly atMs: number;
  readonly mac: string;
}

/** A part of the record; both ends belong to it. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A time without service, see {@link outages}. */
export interface Outage extends Span {
  /** False: no answer came until the end of the record. */
  readonly ended: boolean;
}

/** A reply that takes longer was queued while nobody answered (the client's kernel was resolving the neighbour). */
export const LATE_MS = 25;

/** Two answers of one machine that lie closer together than this mean that it answered all the time between them. */
export const SLOT_MS = 25;

/**
 * Times without service. One begins when the first request that gets no reply within {@link LATE_MS} is sent, and ends when the
 * first reply arrives to any request sent in it. Pings must be in the order of sending. A request that is younger than
 * {@link LATE_MS} at `span.untilMs` and has no reply yet says nothing.
 */
export function outages(pings: readonly Ping[], span: Span): Outage[] {
  const found: Outage[] = [];
  const inside = pings.filter((ping) => ping.sentMs >= span.fromMs && ping.sentMs <= span.untilMs);
  for (let index = 0; index < inside.length;) {
    const first = inside[index];
    if (first === undefined || !isMissed(first, span.untilMs)) {
      index++;
      continue;
    }
    const endMs = firstReply(inside, index, span.untilMs);
    if (endMs === null) return [...found, { fromMs: first.sentMs, untilMs: span.untilMs, ended: false }];
    found.push({ fromMs: first.sentMs, untilMs: endMs, ended: true });
    while (index < inside.length && (inside[index]?.sentMs ?? endMs) < endMs) index++;
  }
  return merged(found);
}

/** The longest time without service in milliseconds; 0 when every request was answered, Infinity when service did not return. */
export function outageMs(pings: readonly Ping[], span: Span): number {
  let longest = 0;
  for (const outage of outages(pings, span)) {
    longest = Math.max(longest, outage.ended ? outage.untilMs - outage.fromMs : Infinity);
  }
  return longest;
}

/** Of one outage no more than this is put down to the machine that everything runs on. */
export const MOST_STALLED_MS = 1000;

/**
 * Like {@link outageMs}, less the times in which `others` had no answer either: requests of the same process, at the same moments, to
 * somebody whom nothing was done to. What both wait for is the machine that everything runs on. When `others` are never answered again,
 * that is no such time.
 */
export function ownOutageMs(pings: readonly Ping[], span: Span, others: readonly Ping[]): number {
  const stalls = outages(others, { fromMs: span.fromMs - MOST_STALLED_MS, untilMs: span.untilMs })
    .filter(({ ended }) => ended);
  let longest = 0;
  for (const outage of outages(pings, span)) {
    const stalledMs = stalls.reduce((sum, stall) => sum + commonMs(outage, stall), 0);
    const ownMs = outage.untilMs - outage.fromMs - Math.min(stalledMs, MOST_STALLED_MS);
    longest = Math.max(longest, outage.ended ? ownMs : Infinity);
  }
  return longest;
}

function commonMs(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.untilMs, other.untilMs) - Math.max(one.fromMs, other.fromMs));
}

/** The longest time in which the prober itself sent nothing: an outage shorter than this may be missed. */
export function blindMs(sentMs: readonly number[], span: Span): number {
  let longest = 0;
  let previous: number | null = null;
  for (const at of sentMs) {
    if (at < span.fromMs || at > span.untilMs) continue;
    if (previous !== null) longest = Math.max(longest, at - previous);
    previous = at;
  }
  return longest;
}

/**
 * The greatest number of machines that answered at one instant: either different machines answered the very same inquiry, or one
 * answered in the middle of a row of another's answers (both between two answers of the other less than {@link SLOT_MS} apart).
 */
export function machinesAtOnce(inquiries: readonly Inquiry[], span: Span): number {
  const inside = inquiries.filter((inquiry) => inquiry.sentMs >= span.fromMs && inquiry.sentMs <= span.untilMs);
  let most = 0;
  for (const inquiry of inside) most = Math.max(most, new Set(inquiry.answers.map((answer) => answer.mac)).size);
  return Math.max(most, overlapping(answeringSpans(inside.flatMap((inquiry) => inquiry.answers))));
}

/** Moment of the last answer in the span; null when there was none. */
export function lastAnswerMs(inquiries: readonly Inquiry[], span: Span): number | null {
  let last: number | null = null;
  for (const { answers } of inquiries) {
    for (const { atMs } of answers) {
      if (atMs >= span.fromMs && atMs <= span.untilMs) last = Math.max(last ?? atMs, atMs);
    }
  }
  return last;
}

/** Arrival of the first reply at or after a moment; null when there was none. */
export function firstReplyMs(pings: readonly Ping[], fromMs: number): number | null {
  let first: number | null = null;
  for (const { repliedMs } of pings) {
    if (repliedMs !== null && repliedMs >= fromMs) first = Math.min(first ?? repliedMs, repliedMs);
  }
  return first;
}

/** The value in the middle (of an even number: the mean of the two); NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The greatest value; NaN for none. */
export function worst(values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.max(...values);
}

function isMissed(ping: Ping, nowMs: number): boolean {
  if (ping.repliedMs !== null) return ping.repliedMs - ping.sentMs > LATE_MS;
  return nowMs - ping.sentMs > LATE_MS;
}

function firstReply(pings: readonly Ping[], from: number, untilMs: number): number | null {
  let earliest: number | null = null;
  for (let index = from; index < pings.length; index++) {
    const ping = pings[index];
    if (ping === undefined || (earliest !== null && ping.sentMs >= earliest)) break;
    if (ping.repliedMs === null || ping.repliedMs > untilMs) continue;
    earliest = Math.min(earliest ?? ping.repliedMs, ping.repliedMs);
  }
  return earliest;
}

/** Outages with no request between them are one: a single queued reply in the middle of silence is not service. */
function merged(found: readonly Outage[]): Outage[] {
  const result: Outage[] = [];
  for (const outage of found) {
    const previous = result.at(-1);
    if (previous !== undefined && outage.fromMs - previous.untilMs < SLOT_MS) {
      result[result.length - 1] = { ...outage, fromMs: previous.fromMs };
    } else {
      result.push(outage);
    }
  }
  return result;
}

/** Per machine, the times in which it answered without a pause of {@link SLOT_MS}. */
function answeringSpans(answers: readonly Answer[]): Span[] {
  const byMac = new Map<string, number[]>();
  for (const { mac, atMs } of answers) {
    const times = byMac.get(mac);
    if (times === undefined) byMac.set(mac, [atMs]);
    else times.push(atMs);
  }
  const spans: Span[] = [];
  for (const times of byMac.values()) {
    times.sort((a, b) => a - b);
    let open: { fromMs: number; untilMs: number } | null = null;
    for (const at of times) {
      if (open !== null && at - open.untilMs <= SLOT_MS) {
        open.untilMs = at;
      } else {
        open = { fromMs: at, untilMs: at };
        spans.push(open);
      }
    }
  }
  return spans;
}

/** How many spans lie over each other at most; a span of a single answer counts too. */
function overlapping(spans: readonly Span[]): number {
  const edges = spans.flatMap(({ fromMs, untilMs }) => [{ atMs: fromMs, step: 1 }, { atMs: untilMs, step: -1 }]);
  edges.sort((a, b) => a.atMs - b.atMs || b.step - a.step);
  let now = 0;
  let most = 0;
  for (const { step } of edges) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
}
