/** Thrown when the program contradicts itself; never by bad input. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws {@link AssertionError} unless `condition` holds. For programmer errors only. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(`Assertion failed: ${what}`);
}

/** Closes an exhaustive `switch`: the compiler rejects a case that was forgotten. */
export function assertNever(value: never): never {
  throw new AssertionError(`Assertion failed: unexpected ${JSON.stringify(value)}`);
}
