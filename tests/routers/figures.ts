/** Figures that tests measure. */

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`measured: ${line}\n`));
}

/** Prints a time for people on standard error, and throws when it is above its bound. */
export function bounded(
  what: string,
  { tookMs, boundMs }: { readonly tookMs: number; readonly boundMs: number },
): void {
  const line = `${what}: ${tookMs.toFixed(0)} ms (bound ${boundMs} ms)`;
  print(line);
  if (tookMs > boundMs) throw new Error(line);
}

/** Prints how much larger something is than before, and throws when that is above its bound. */
export function boundedGrowth(
  what: string,
  { grownBytes, boundBytes }: { readonly grownBytes: number; readonly boundBytes: number },
): void {
  const line = `${what}: ${(grownBytes / 1e6).toFixed(2)} MB more (bound ${boundBytes / 1e6} MB)`;
  print(line);
  if (grownBytes > boundBytes) throw new Error(line);
}
