/** Lease records as elections write and compare them. Pure. */
import type { LeaseRecord } from "./store.ts";

/** client-go's release writes this duration. */
const RELEASED_SECONDS = 1;

/** True if the two say the same in every field: client-go restarts its wait only on such a change. */
export function sameRecord(one: LeaseRecord | null, other: LeaseRecord | null): boolean {
  if (one === null || other === null) return one === other;
  return one.holder === other.holder && one.durationSeconds === other.durationSeconds &&
    one.acquireTime === other.acquireTime && one.renewTime === other.renewTime &&
    one.transitions === other.transitions && one.mark === other.mark;
}

/** Takes over (transitions + 1), creates (0), or renews (both kept), by client-go's rules: who held before decides. */
export function claimRecord(
  before: LeaseRecord | null,
  self: { readonly identity: string; readonly mark: string; readonly durationSeconds: number; readonly time: string },
): LeaseRecord {
  const { identity, mark, durationSeconds, time } = self;
  const common = { holder: identity, durationSeconds, renewTime: time, mark };
  if (before === null) return { ...common, acquireTime: time, transitions: 0 };
  if (before.holder === identity) {
    const acquireTime = before.acquireTime === "" ? time : before.acquireTime;
    return { ...common, acquireTime, transitions: before.transitions };
  }
  return { ...common, acquireTime: time, transitions: before.transitions + 1 };
}

/** Gives the Lease away: no holder, one second, transitions kept. The mark says that the holder itself did it. */
export function releaseRecord(held: LeaseRecord, options: { mark: string; time: string }): LeaseRecord {
  const { mark, time } = options;
  return {
    holder: "",
    durationSeconds: RELEASED_SECONDS,
    acquireTime: time,
    renewTime: time,
    transitions: held.transitions,
    mark,
  };
}

/** True for a record as a release leaves it; somebody who blanks the holder by hand leaves the duration. */
export function looksReleased(record: LeaseRecord): boolean {
  return record.holder === "" && record.durationSeconds <= RELEASED_SECONDS;
}

/** True if nobody holds. */
export function isFree(record: LeaseRecord | null): record is null | (LeaseRecord & { readonly holder: "" }) {
  return record === null || record.holder === "";
}

const DAY_MS = 86_400_000;

/**
 * Kubernetes MicroTime: `2026-01-02T03:04:05.000006Z`.
 * @param wallMs milliseconds since 1970 (UTC)
 * @param micros 0 … 999, in place of what milliseconds cannot say
 */
export function microTime(wallMs: number, micros: number): string {
  const ms = Math.floor(wallMs);
  const days = Math.floor(ms / DAY_MS);
  const inDay = ms - days * DAY_MS;
  const [year, month, day] = civil(days);
  const clock = [Math.floor(inDay / 3_600_000), Math.floor(inDay / 60_000) % 60, Math.floor(inDay / 1000) % 60];
  const fraction = digits(inDay % 1000, 3) + digits(micros, 3);
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${
    clock.map((each) => digits(each, 2)).join(":")
  }.${fraction}Z`;
}

/** Year, month and day of the Gregorian calendar for days since 1970-01-01 (years begin in March inside, so that leap days come last). */
function civil(days: number): [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
