/** What the tools wrote, read. Pure. */

/** What wrk found. */
export interface WrkResult {
  readonly requestsPerSecond: number;
  /** Lines about errors of sockets and answers other than 2xx and 3xx; empty when all went well. */
  readonly troubles: readonly string[];
}

/** Reads the report of wrk; the rate is NaN when there is none. */
export function parseWrk(text: string): WrkResult {
  const troubles = text.split("\n").map((line) => line.trim()).filter((line) => /Socket errors|Non-2xx/.test(line));
  return { requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? NaN), troubles };
}

/** Bits per second that arrived, from the JSON of iperf3. Throws an Error with iperf3's own words when there are none. */
export function parseIperf(json: string): number {
  const received = /"sum_received":\s*\{[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(json);
  if (received !== null) return Number(received[1]);
  throw new Error(`iperf3: ${/"error":\s*"([^"]*)"/.exec(json)?.[1] ?? "no result"}`);
}

/** A field of /proc/PID/smaps_rollup or /proc/PID/status, in bytes; NaN when it is not there. */
export function kibibyteField(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? NaN) * 1024;
}

/** Clock ticks of /proc/PID/stat in a second: USER_HZ, 100 on every machine Linux runs on here. */
const TICKS = 100;

/** Processor time of a process so far, all of its threads, from /proc/PID/stat. The name in brackets may have spaces. */
export function cpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
