/** Log lines of another thread: taken there, written here, so that one place decides on level and format. */
import { configureSync, type LogRecord } from "@kube-vip/log";
import { getLog, type Properties } from "./log.ts";

/** One line on its way between threads. */
export interface ForwardedLine {
  readonly level: "debug" | "info" | "warning" | "error";
  /** The room of its logger. */
  readonly room: string;
  readonly message: string;
  readonly properties: Properties;
}

/** In the other thread: hands every line of its loggers to `post` instead of writing it. */
export function forwardLogging(post: (line: ForwardedLine) => void): void {
  configureSync({
    reset: true,
    sinks: { forward: (record: LogRecord) => post(forwarded(record)) },
    loggers: [
      { category: ["kube-vip"], sinks: ["forward"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
}

/** In the thread that writes: logs a line as if it had been said here. */
export function logForwarded({ level, room, message, properties }: ForwardedLine): void {
  getLog(room)[level](message, properties);
}

function forwarded({ level, category, rawMessage, properties }: LogRecord): ForwardedLine {
  const message = typeof rawMessage === "string" ? rawMessage : rawMessage.join("");
  const plain = Object.entries(properties).map(([key, value]): [string, Properties[string]] => {
    return [key, isPlain(value) ? value : String(value)];
  });
  return { level: levelOf(level), room: category.slice(1).join("."), message, properties: Object.fromEntries(plain) };
}

/** Only what every line may carry gets through: an object might not be clonable. */
function isPlain(value: unknown): value is Properties[string] {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function levelOf(level: LogRecord["level"]): ForwardedLine["level"] {
  switch (level) {
    case "trace":
      return "debug";
    case "fatal":
      return "error";
    default:
      return level;
  }
}
