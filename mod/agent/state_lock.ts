/** One agent for each state directory: a second one, started by mistake, must not touch what the first one holds. */

/** Thrown when the directory cannot be used, or another agent uses it. */
export class StateLockError extends Error {
  override readonly name = "StateLockError";

  constructor(readonly reason: "in use" | "unusable", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** An exclusive lock that ends with the process at the latest. Released by its owner. */
export class StateLock {
  readonly #file: Deno.FsFile;
  #held = true;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Makes the directory (mode 0700) where it is missing, and locks it. Synchronous. Throws {@link StateLockError}. */
  static take(directory: string): StateLock {
    const file = openLock(directory);
    if (file.tryLockSync(true)) return new StateLock(file);
    file.close();
    throw new StateLockError(
      "in use",
      `Another agent uses stateDir "${directory}"; stop it, or give each agent a directory of its own`,
    );
  }

  /** Lets another agent in. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#file.close();
  }
}

function openLock(directory: string): Deno.FsFile {
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return Deno.openSync(`${directory}/agent.lock`, { create: true, write: true, mode: 0o600 });
  } catch (cause) {
    throw new StateLockError(
      "unusable",
      `Cannot use stateDir "${directory}": ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
