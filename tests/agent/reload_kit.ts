/** The program in a process of its own with a file that changes, and clients that do not stop asking meanwhile. */
import assert from "node:assert/strict";
import { RawConn } from "../balance/kit.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
/** The program starts within a second; a busy machine gets more. */
const LINE_LIMIT_MS = 30_000;

/** `kube-vip start` with a configuration file. */
export class Program {
  readonly file: string;
  readonly #directory: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;
  #onLine: () => void = () => {};
  /** How many lines were waited for already. */
  #seen = 0;

  private constructor(args: readonly string[], { file, directory }: { file: string; directory: string }) {
    this.#directory = directory;
    this.file = file;
    const command = ["run", "-A", MAIN, "start", ...args];
    this.#child = new Deno.Command(Deno.execPath(), { args: command, stderr: "piped", stdout: "null" }).spawn();
    this.#reading = this.#read();
  }

  /** Runs `use` with a started program; `place` may put the file somewhere else than into the directory it is given. */
  static async with(
    config: unknown,
    use: (program: Program) => Promise<void>,
    place: (directory: string, text: string) => string = plainFile,
  ): Promise<void> {
    const directory = await Deno.makeTempDir();
    const file = place(directory, withState(directory, config));
    await Program.#use(new Program(["-c", file], { file, directory }), use);
    await Deno.remove(directory, { recursive: true });
  }

  /** Runs `use` with a program that has no file. */
  static async run(flags: readonly string[], use: (program: Program) => Promise<void>): Promise<void> {
    await Program.#use(new Program(flags, { file: "", directory: "" }), use);
  }

  static async #use(program: Program, use: (program: Program) => Promise<void>): Promise<void> {
    try {
      await program.says(/msg=ready/);
      await use(program);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${program.#lines.join("\n")}`, {
        cause: error,
      });
    } finally {
      await program.#stop();
    }
  }

  /** The text of a configuration for this program. */
  text(config: unknown): string {
    return withState(this.#directory, config);
  }

  /** Writes the file anew, asks for it to be applied, and waits until the program says that it is, or is not. */
  async reload(config: unknown, says = /Configuration (reloaded|refused|not applied)/): Promise<string> {
    Deno.writeTextFileSync(this.file, this.text(config));
    this.hangUp();
    return await this.says(says);
  }

  /** Asks it to apply its file. */
  hangUp(): void {
    this.#child.kill("SIGHUP");
  }

  /** The next line of its log that is like this. */
  async says(pattern: RegExp): Promise<string> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`the program never says ${pattern}`)), LINE_LIMIT_MS);
    try {
      for (;;) {
        while (this.#seen < this.#lines.length) {
          const line = this.#lines[this.#seen++] ?? "";
          if (pattern.test(line)) return line;
        }
        await Promise.race([late.promise, new Promise<void>((resolve) => this.#onLine = resolve)]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#onLine();
    }
  }

  async #stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const { code } = await this.#child.status;
    await this.#reading;
    assert.equal(code, 0, this.#lines.join("\n"));
  }
}

function plainFile(directory: string, text: string): string {
  const file = `${directory}/config.json`;
  Deno.writeTextFileSync(file, text);
  return file;
}

function withState(directory: string, config: unknown): string {
  return JSON.stringify({ singleNode: true, disableVIP: true, stateDir: `${directory}/state`, ...Object(config) });
}

/** Clients of an http balancer that ask one request after the other, some on connections that stay, and note what they get. */
export class Asking {
  /** Names of the backends that answered. */
  readonly answers: string[] = [];
  readonly failures: string[] = [];
  readonly #port: number;
  readonly #hostname: string;
  readonly #clients: Promise<void>[];
  #isOver = false;

  constructor(port: number, clients: number, { hostname = "127.0.0.1" }: { readonly hostname?: string } = {}) {
    this.#port = port;
    this.#hostname = hostname;
    this.#clients = Array.from({ length: clients }, (_unused, n) => this.#ask(n % 2 === 0));
  }

  /** Ends the asking and shows that nothing has failed. */
  async end(): Promise<void> {
    await this.stop();
    assert.deepEqual(this.failures, []);
  }

  /** Ends the asking. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** The answers of the next `count` requests. */
  async next(count: number): Promise<string[]> {
    const from = this.answers.length;
    while (this.answers.length < from + count && this.failures.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this.answers.slice(from, from + count);
  }

  async #ask(stays: boolean): Promise<void> {
    while (!this.#isOver) {
      try {
        const client = new RawConn(await Deno.connect({ hostname: this.#hostname, port: this.#port }));
        try {
          for (let n = 0; n < (stays ? 500 : 1) && !this.#isOver; n++) {
            const { content, isLast } = await get(client);
            this.answers.push(content);
            if (isLast) break;
          }
        } finally {
          client.close();
        }
      } catch (error) {
        this.failures.push(String(error));
        return;
      }
    }
  }
}

/** One request on a connection that stays; gives the answer's content, and whether it is the last one. */
export async function get(client: RawConn): Promise<{ content: string; isLast: boolean }> {
  await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const head = await client.until("\r\n\r\n");
  assert.match(head, /^HTTP\/1.1 200 /);
  const content = await client.exactly(Number(/content-length: (\d+)/i.exec(head)?.[1]));
  return { content, isLast: /^connection: close\r$/im.test(head) };
}
