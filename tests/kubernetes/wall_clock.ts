/** The clock on the wall as one process sees it, through libfaketime; its monotonic clock stays as it is. */

const LIBRARIES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
  .map((directory) => `${directory}/faketime/libfaketime.so.1`);
/** Where the library keeps what the threads of a process share; a process that is killed leaves it. */
const SHARED = "/dev/shm";

/** Why clocks cannot be set here; null if they can. */
export const missingClock: string | null = library() === null ? "needs the package libfaketime" : null;

/** A clock that a test sets while processes look at it. */
export class WallClock {
  /** For the environment of a process that shall see this clock. */
  readonly env: Readonly<Record<string, string>>;
  readonly #path: string;

  /** A clock that is right, kept in a file that does not exist yet. Throws where the library is missing. */
  constructor(path: string) {
    const preloaded = library();
    if (preloaded === null) throw new Error("there is no libfaketime");
    this.#path = path;
    this.set(0);
    this.env = {
      LD_PRELOAD: preloaded,
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
  }

  /** From now on it is so many milliseconds fast, or slow if negative. */
  set(fastByMs: number): void {
    const fresh = `${this.#path}.new`;
    Deno.writeTextFileSync(fresh, `${fastByMs < 0 ? "" : "+"}${fastByMs / 1000}\n`);
    Deno.renameSync(fresh, this.#path);
  }
}

/** Removes what the library left of a process that has ended. */
export function forgetClock(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) {
    try {
      Deno.removeSync(`${SHARED}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function library(): string | null {
  for (const path of LIBRARIES) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}
