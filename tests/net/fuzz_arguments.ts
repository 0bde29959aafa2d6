/** What the fuzzers are started with by hand. */

/**
 * The number behind `--inputs`, a million without it.
 * @throws {Error} when it is not a number of at least 1000.
 */
export function inputsWanted(): number {
  const flag = Deno.args.indexOf("--inputs");
  const inputs = Number(flag < 0 ? 1_000_000 : Deno.args[flag + 1]);
  if (!Number.isInteger(inputs) || inputs < 1000) {
    throw new Error(`--inputs is ${Deno.args[flag + 1]}, wanted a number of at least 1000`);
  }
  return inputs;
}

/** Runs `target` and says on standard output what it gave and how long it took. */
export async function timed(name: string, target: () => string): Promise<void> {
  const startMs = performance.now();
  const said = target();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  await Deno.stdout.write(new TextEncoder().encode(`${name}: ${said}, ${seconds} s\n`));
}
