import { Changes, within } from "./time.ts";

/** Calls a function inside a network namespace; its return ends the visit. */
export type Inside = <T>(action: () => T) => T;

export interface ChildOptions {
  /** What to call it in messages. */
  readonly name: string;
  /** The namespace to start it in. */
  readonly inside: Inside;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Receives every line of standard output in place of the kept log. */
  readonly onLine?: (line: string) => void;
}

const KEEP_LINES = 2000;

/**
 * A process in a namespace: its output kept line by line, its end awaited by whoever stops it. It ends with this process at the
 * latest, whatever happens to this one.
 */
export class Child {
  readonly name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: string[] = [];
  readonly #changes = new Changes();
  #ended: Deno.CommandStatus | null = null;
  readonly #done: Promise<void>;

  private constructor(process: Deno.ChildProcess, options: ChildOptions) {
    this.name = options.name;
    this.#process = process;
    this.#input = process.stdin.getWriter();
    const keep = (line: string): void => this.#keep(line);
    this.#done = Promise.all([
      process.status,
      readLines(process.stdout, options.onLine ?? keep),
      readLines(process.stderr, keep),
    ]).then(async ([status]) => {
      await this.#input.close().catch(() => undefined);
      this.#ended = status;
      this.#changes.changed();
    });
  }

  /** Starts a program. The arguments begin with the program's own path. */
  static start(argv: readonly string[], options: ChildOptions): Child {
    const [program, ...args] = [...DIE_WITH_PARENT, ...argv];
    if (program === undefined) throw new Error("no program named");
    const command = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return new Child(options.inside(() => command.spawn()), options);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** How it ended; null while it runs. */
  get status(): Deno.CommandStatus | null {
    return this.#ended;
  }

  /** The last lines it wrote. */
  get log(): readonly string[] {
    return this.#lines;
  }

  /** Writes to its standard input. */
  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** The first line that contains `text`, at or after the line number `from`. Throws, with the log, when it ends or takes too long. */
  waitForLine(text: string, options: { limitMs: number; from?: number }): Promise<string> {
    return this.#changes.until(
      () => {
        const found = this.#lines.slice(options.from ?? 0).find((line) => line.includes(text));
        if (found === undefined && this.#ended !== null) {
          throw new Error(`${this.#describe()} before it wrote "${text}"`);
        }
        return found ?? null;
      },
      options.limitMs,
      `"${text}" from ${this.name}`,
    );
  }

  /** Sends a signal to the process and to those it started. A process that has ended is left alone. */
  signal(signal: Deno.Signal): void {
    if (this.#ended !== null) return;
    for (const pid of [this.pid, ...childrenOf(this.pid)]) {
      try {
        Deno.kill(pid, signal);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  /** Waits for its end. */
  async end(limitMs: number): Promise<Deno.CommandStatus> {
    await within(this.#done, limitMs, `end of ${this.name}`);
    if (this.#ended === null) throw new Error(`${this.name} has no status`);
    return this.#ended;
  }

  /** Ends it: the signal, and SIGKILL when `graceMs` have not been enough. */
  async stop(signal: Deno.Signal = "SIGTERM", graceMs = 10_000): Promise<Deno.CommandStatus> {
    this.signal(signal);
    try {
      return await this.end(graceMs);
    } catch {
      this.signal("SIGKILL");
      return await this.end(5000);
    }
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEEP_LINES) this.#lines.splice(0, KEEP_LINES / 2);
    this.#changes.changed();
  }

  #describe(): string {
    const how = this.#ended === null ? "runs" : `ended (${this.#ended.signal ?? `code ${this.#ended.code}`})`;
    return `${this.name} ${how}:\n${this.#lines.slice(-30).join("\n")}\n`;
  }
}

/** Put before every child, so that none outlives the laboratory. Of util-linux since 2.33. */
const DIE_WITH_PARENT = ifItWorks(["setpriv", "--pdeathsig", "KILL", "--"]);

/** Put before a child that measures: a busy machine does not delay it. Of util-linux; takes privilege. */
export const AHEAD_OF_OTHERS = ifItWorks(["chrt", "--fifo", "10"]);

/** Put before a child that has to stay on one processor, where that can be had. Of util-linux. */
export function pinnedTo(cpu: number): readonly string[] {
  return ifItWorks(["taskset", "-c", String(cpu)]);
}

function ifItWorks(prefix: readonly string[]): readonly string[] {
  const [program = "", ...args] = prefix;
  try {
    const command = new Deno.Command(program, { args: [...args, "true"], stdout: "null", stderr: "null" });
    return command.outputSync().success ? prefix : [];
  } catch {
    return [];
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return text.split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return [];
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}
