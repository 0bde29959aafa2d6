/** Tables and lines of the benchmarks. */

/** Writes a line to standard output. */
export function print(line = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Rows as a Markdown table; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join("\n");
}

/** A number with so many decimals; a dash for none, "never" for infinity. */
export function number(value: number, decimals = 0): string {
  if (Number.isNaN(value)) return "–";
  return Number.isFinite(value) ? value.toFixed(decimals) : "never";
}

/** The value that follows `--name` among the arguments, or null. */
export function option(args: readonly string[], name: string): string | null {
  const place = args.indexOf(`--${name}`);
  return place === -1 ? null : args[place + 1] ?? null;
}

/** What the figures were measured on. */
export function machine(): string {
  const { release, os, arch } = { release: Deno.osRelease(), os: Deno.build.os, arch: Deno.build.arch };
  return `${os} ${release}, ${arch}, ${navigator.hardwareConcurrency} processors, Deno ${Deno.version.deno}`;
}
