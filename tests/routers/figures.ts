/** Figures that tests measure. */

/** Prints a figure for people on standard error, and throws when it is above its bound. */
export function bounded(what: string, tookMs: number, boundMs: number): void {
  const line = `${what}: ${tookMs.toFixed(0)} ms (bound ${boundMs} ms)`;
  Deno.stderr.writeSync(new TextEncoder().encode(`measured: ${line}\n`));
  if (tookMs > boundMs) throw new Error(line);
}
