/**
 * Structured log lines: a fixed sentence and named properties, never untrusted text inside the sentence.
 * Every module takes its logger from here, so that one place decides the format.
 */
import { getLogger as getLogtape } from "@kube-vip/log";

/** What a log line may carry besides its sentence. */
export type Properties = Record<string, string | number | boolean | null>;

export interface Log {
  debug(message: string, properties?: Properties): void;
  info(message: string, properties?: Properties): void;
  warning(message: string, properties?: Properties): void;
  error(message: string, properties?: Properties): void;
}

/** The logger of one room, e.g. `getLog("election")`. */
export function getLog(room: string): Log {
  const logger = getLogtape(["kube-vip", room]);
  return {
    debug: (message, properties) => logger.debug(message, properties ?? {}),
    info: (message, properties) => logger.info(message, properties ?? {}),
    warning: (message, properties) => logger.warn(message, properties ?? {}),
    error: (message, properties) => logger.error(message, properties ?? {}),
  };
}
