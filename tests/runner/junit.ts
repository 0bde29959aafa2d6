/** Reads what `deno test --junit-path` writes: which tests passed, failed and were skipped. */

/** What a run of tests came to; failed and skipped ones by name. */
export interface Tally {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

export const NOTHING: Tally = { passed: 0, failed: [], skipped: [] };

/** Tests that have a result, whatever it is. */
export function total(tally: Tally): number {
  return tally.passed + tally.failed.length + tally.skipped.length;
}

/** Both together. */
export function sum(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: [...a.failed, ...b.failed],
    skipped: [...a.skipped, ...b.skipped],
  };
}

/** The closing line of a run. */
export function closingLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed.length} failed, ${tally.skipped.length} skipped`;
}

/**
 * Counts the test cases of a report. Steps are cases of their own, as Deno writes them.
 *
 * Only markup is looked at: Deno escapes `<`, `>` and quotes in names and messages, so what a test prints cannot be
 * taken for an element.
 */
export function readJunit(xml: string): Tally {
  let passed = 0;
  const failed: string[] = [];
  const skipped: string[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const name = `${attribute(attributes, "classname")}: ${attribute(attributes, "name")}`;
    if (/<(failure|error)\b/.test(body)) failed.push(name);
    else if (/<skipped\b/.test(body)) skipped.push(name);
    else passed++;
  }
  return { passed, failed, skipped };
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
