/**
 * Where log lines go: to standard error, one line each, written before the call returns, so that the last words of a process that
 * exits are there. What untrusted text contains cannot begin a new line nor move the cursor of a terminal.
 */

import { configureSync, type LogRecord } from "@kube-vip/log";

/** Least important lines that are written. */
export type LogLevel = "debug" | "info" | "warning" | "error";
/** `key=value` pairs, or one JSON object a line. */
export type LogFormat = "text" | "json";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes the bytes of whole lines; standard error without it. */
  readonly write?: (line: Uint8Array) => void;
}

/** Sends the lines of every room's logger out. May be called again, the last call counts. */
export function configureLogging(options: LogOptions): void {
  const write = options.write ?? writeStderr;
  const encoder = new TextEncoder();
  configureSync({
    reset: true,
    sinks: { lines: (record: LogRecord) => write(encoder.encode(`${formatRecord(record, options.format)}\n`)) },
    loggers: [
      { category: ["kube-vip"], sinks: ["lines"], lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  });
}

/** The fields of a {@link LogRecord} that a line is made of. */
export type LineRecord = Pick<LogRecord, "category" | "level" | "rawMessage" | "timestamp" | "properties">;

/** One record as a line without its end. */
export function formatRecord(record: LineRecord, format: LogFormat): string {
  const message = typeof record.rawMessage === "string" ? record.rawMessage : record.rawMessage.join("");
  const head: [string, unknown][] = [
    ["time", new Date(record.timestamp).toISOString()],
    ["level", record.level],
    ["room", record.category.slice(1).join(".")],
    ["msg", message],
  ];
  const taken = new Set(head.map(([key]) => key));
  const own = Object.entries(record.properties).map(([key, value]): [string, unknown] => {
    return [taken.has(key) ? `${key}_` : key, value];
  });
  const pairs = [...head, ...own];
  if (format === "json") return visible(JSON.stringify(Object.fromEntries(pairs)));
  return pairs.map(([key, value]) => `${word(key)}=${quoted(value)}`).join(" ");
}

function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "null";
  return /^[\w.:/@+%-]+$/.test(text) ? text : visible(JSON.stringify(text));
}

function word(key: string): string {
  return key.replace(/[^\w.-]/g, "_");
}

/** JSON.stringify leaves C1 controls, line separators and direction marks as they are; a terminal or a log viewer does not. */
function visible(json: string): string {
  return json.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => {
    return Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
  });
}

/** A reader that is gone or full must not end the program: what cannot be written is dropped. */
function writeStderr(line: Uint8Array): void {
  try {
    for (let done = 0; done < line.length;) done += Deno.stderr.writeSync(line.subarray(done));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.WouldBlock)) throw error;
  }
}
