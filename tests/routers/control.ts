/** Questions to daemons: over their control sockets, or by their command-line programs. */

import { within } from "../lab/time.ts";

const ANSWER_MS = 10_000;
const CHUNK_BYTES = 65_536;

/** A control socket of text, in which something marks the end of every answer. */
class Dialogue {
  readonly #connection: Deno.UnixConn;
  readonly #endOf: (bytes: Uint8Array) => boolean;

  constructor(connection: Deno.UnixConn, endOf: (bytes: Uint8Array) => boolean) {
    this.#connection = connection;
    this.#endOf = endOf;
  }

  async say(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(await this.#connection.write(bytes));
  }

  async hear(): Promise<Uint8Array> {
    let bytes = new Uint8Array(CHUNK_BYTES);
    let filled = 0;
    for (;;) {
      if (filled === bytes.length) bytes = grown(bytes);
      const count = await this.#connection.read(bytes.subarray(filled));
      if (count === null) throw new Error("the control socket was closed");
      filled += count;
      if (this.#endOf(bytes.subarray(0, filled))) return bytes.subarray(0, filled);
    }
  }
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

async function talk<T>(
  path: string,
  endOf: (bytes: Uint8Array) => boolean,
  use: (dialogue: Dialogue) => Promise<T>,
): Promise<T> {
  const connection = await Deno.connect({ transport: "unix", path });
  try {
    return await within(use(new Dialogue(connection, endOf)), ANSWER_MS, `answer on ${path}`);
  } finally {
    connection.close();
  }
}

/** What vtysh reads: text, three zeros, and a status. */
function endOfVty(bytes: Uint8Array): boolean {
  const at = bytes.length - 4;
  return at >= 0 && bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0;
}

/** Lets a daemon of FRR do the commands one after the other; gives the answer to the last. Throws Error on the first that it refuses. */
export function askVty(path: string, commands: readonly string[]): Promise<string> {
  return talk(path, endOfVty, async (dialogue) => {
    let last = "";
    for (const command of commands) {
      await dialogue.say(`${command}\0`);
      const answer = await dialogue.hear();
      last = new TextDecoder().decode(answer.subarray(0, answer.length - 4));
      const status = answer.at(-1);
      // CMD_SUCCESS, CMD_WARNING.
      if (status !== 0 && status !== 1) throw new Error(`FRR refuses "${command}" (${status}): ${last}`);
    }
    return last;
  });
}

/** BIRD's answers end with a line whose code is followed by a space. */
function endOfBird(bytes: Uint8Array): boolean {
  const tail = new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - 500)));
  return tail.endsWith("\n") && /(^|\n)\d{4} [^\n]*\n$/.test(tail);
}

/** Asks BIRD one thing. Throws Error when it refuses. */
export function askBird(path: string, command: string): Promise<string> {
  return talk(path, endOfBird, async (dialogue) => {
    await dialogue.hear();
    await dialogue.say(`${command}\n`);
    const answer = new TextDecoder().decode(await dialogue.hear());
    const refusal = /^[89]\d{3} .*$/m.exec(answer);
    if (refusal !== null) throw new Error(`BIRD refuses "${command}": ${refusal[0]}`);
    return answer;
  });
}

/** Runs a control program to its end; gives its output. Throws Error when it fails or takes too long. */
export async function askProgram(argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = argv;
  const limit = AbortSignal.timeout(ANSWER_MS);
  const command = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped", signal: limit });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`${argv.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
