/** How many of `members` are more than half. */
export function majority(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** The value that at least `count` of `values` reach (the `count`-th largest); −Infinity when there are not that many. */
export function reachedBy(values: readonly number[], count: number): number {
  if (count > values.length) return -Infinity;
  if (count <= 0) return Infinity;
  const sorted = values.toSorted((a, b) => b - a);
  return sorted[count - 1] ?? -Infinity;
}
