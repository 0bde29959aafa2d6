/**
 * Applies the configuration file anew while the agent runs: when asked to, and with `watchConfig` whenever the file has changed. A file that
 * is refused changes nothing.
 */
import { assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { formatProblem } from "../config/findings.ts";
import type { ConfigResult, PeersConfig, Problem } from "../config/types.ts";
import { getLog } from "../observe/log.ts";

const log = getLog("config");

/** The file is read this often. Its content is compared: editors rename, mounted ConfigMaps swap links, and clocks may be coarse. */
const LOOK_EVERY_MS = 1000;
/** A file that was the same so long after a change is taken for complete. */
const STABLE_MS = 200;

/** Where everything else comes from the environment and flags this would end every load balancer. */
const EMPTY: Problem = {
  key: "the file",
  value: "",
  message:
    "is empty, as one that is being written, or has no room on its disk; {} says that nothing is to be set by it",
  line: null,
};

/** Where a running agent's configuration is from. */
export interface ConfigSource {
  /** The file's name. */
  readonly file: string;
  /** What it held when the agent was configured. */
  readonly text: string;
  /** What it holds now; throws when it cannot be read. */
  readText(): string;
  /** Checks a file's content together with the environment and the flags that the agent was started with. */
  load(text: string): ConfigResult;
}

/** What became of a new configuration. */
export type ReloadOutcome =
  | { readonly outcome: "applied"; readonly changes: string }
  | { readonly outcome: "refused"; readonly problems: readonly Problem[] }
  /** The running one goes on. */
  | { readonly outcome: "failed"; readonly why: string };

export interface ReloaderOptions {
  readonly source: ConfigSource;
  /** Goes over to another configuration. Not called again before it has ended. */
  readonly apply: (config: PeersConfig) => Promise<ReloadOutcome>;
  readonly clock: Clock;
  /** Whether the file is watched to begin with. */
  readonly watch: boolean;
}

/** See the head of this file. Works from the moment it is made until it is stopped. */
export class Reloader {
  readonly #options: ReloaderOptions;
  /** The content that was tried last. */
  #tried: string;
  /** A content that may still be written. */
  #changed: string | null = null;
  #timer: Timer | null = null;
  #readError = "";
  #running: Promise<void> | null = null;
  #isAskedAgain = false;
  #isStopped = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#tried = options.source.text;
    this.#watch(options.watch);
  }

  /** Applies the file as it is now, or again after what is under way. */
  request(): void {
    if (this.#isStopped) return;
    if (this.#running !== null) this.#isAskedAgain = true;
    else this.#run();
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch(false);
    await this.#running;
  }

  #run(): void {
    this.#running = this.#reload()
      .catch((error: unknown) => log.error("A fault of the program", { reason: String(error) }))
      .then(() => {
        this.#running = null;
        if (!this.#isAskedAgain) return;
        this.#isAskedAgain = false;
        this.request();
      });
  }

  async #reload(): Promise<void> {
    const { source, apply } = this.#options;
    this.#readError = "";
    const text = this.#read();
    if (text === null) return;
    this.#tried = text;
    this.#changed = null;
    if (isEmpty(text) && !isEmpty(source.text)) return this.#refuse([EMPTY]);
    const result = source.load(text);
    for (const warning of result.warnings) log.warning("Configuration", { finding: this.#worded(warning) });
    if (result.outcome === "invalid") return this.#refuse(result.problems);
    const { config } = result;
    const applied = await apply(config);
    switch (applied.outcome) {
      case "applied":
        this.#watch(config.watchConfig);
        return log.info("Configuration reloaded", { file: source.file, changes: applied.changes });
      case "refused":
        return this.#refuse(applied.problems);
      case "failed":
        return log.error("Configuration not applied, the running one continues", {
          file: source.file,
          cause: applied.why,
        });
      default:
        return assertNever(applied);
    }
  }

  #refuse(problems: readonly Problem[]): void {
    for (const problem of problems) log.error("Configuration", { finding: this.#worded(problem) });
    log.error("Configuration refused, the running one continues", {
      file: this.#options.source.file,
      problems: problems.length,
    });
  }

  #worded(problem: Problem): string {
    return formatProblem(problem, this.#options.source.file);
  }

  /** Null after saying why, once for each reason. */
  #read(): string | null {
    const { source } = this.#options;
    try {
      const text = source.readText();
      this.#readError = "";
      return text;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      if (cause !== this.#readError) log.error("Cannot read the configuration", { file: source.file, cause });
      this.#readError = cause;
      return null;
    }
  }

  #watch(isWatched: boolean): void {
    if (isWatched === (this.#timer !== null)) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#changed = null;
    if (isWatched && !this.#isStopped) this.#lookIn(LOOK_EVERY_MS);
  }

  #lookIn(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#look();
      this.#lookIn(this.#changed === null ? LOOK_EVERY_MS : STABLE_MS);
    });
  }

  #look(): void {
    if (this.#running !== null) return;
    const text = this.#read();
    const isStable = text !== null && text === this.#changed;
    this.#changed = text === this.#tried ? null : text;
    if (isStable && this.#changed !== null) this.request();
  }
}

function isEmpty(text: string): boolean {
  return text.trim() === "";
}
