/** What commands get from outside: the terminal, the environment, files, the agent. */

import type { ConfigSource } from "../agent/reload.ts";
import type { ManagerConfig, SettingValue } from "../config/manager/types.ts";
import type { PeersConfig } from "../config/types.ts";

/** The world around the process. */
export interface Terminal {
  /** Writes to standard output: results only. */
  out(text: string): void;
  /** Writes to standard error: everything else. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The contents of a small text file; throws if it cannot be read or is too large. */
  readText(path: string): string;
  /** The name of this machine; empty if it has none. */
  hostname(): string;
  /** So many bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array;
}

export interface Context {
  readonly terminal: Terminal;
  /** Runs an agent until it is told to stop; gives the exit status. `source` is where its configuration can be read anew. */
  runAgent(config: PeersConfig, source: ConfigSource | null): Promise<number>;
  /** Runs the agent of a cluster's node until it is told to stop; gives the exit status. `settings` are for its dump. */
  runManager(config: ManagerConfig, settings: ReadonlyMap<string, SettingValue>): Promise<number>;
  /** Sets the exit status of a command that failed without a mistake in its arguments. */
  exit(code: number): void;
}

/** Says what went wrong on standard error and makes the process end with status 1. */
export function fail(context: Context, message: string): void {
  context.terminal.err(`error: ${message}\n`);
  context.exit(1);
}

/** Why something failed, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
