import type { Context, Terminal } from "../../mod/cli/context.ts";
import { run } from "../../mod/cli/main.ts";

interface World {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly runAgent?: Context["runAgent"];
  readonly runManager?: Context["runManager"];
}

/** What one command line gave. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal that remembers, with files of its own. */
export function fakeTerminal(world: World = {}): Terminal & { readonly said: { out: string; err: string } } {
  const said = { out: "", err: "" };
  return {
    said,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    env: world.env ?? {},
    readText: (path) => {
      const text = world.files?.[path];
      if (text === undefined) throw new Deno.errors.NotFound("No such file or directory");
      return text;
    },
    hostname: () => "Host-1",
    randomBytes: (count) => Uint8Array.from({ length: count }, (_, i) => i),
  };
}

/** Runs a command line in a world of its own; an agent that is started ends at once with status 0. */
export async function command(args: readonly string[], world: World = {}): Promise<Outcome> {
  const terminal = fakeTerminal(world);
  const runAgent = world.runAgent ?? ((): Promise<number> => Promise.resolve(0));
  const runManager = world.runManager ?? ((): Promise<number> => Promise.resolve(0));
  const code = await run(args, { terminal, runAgent, runManager });
  return { code, ...terminal.said };
}
