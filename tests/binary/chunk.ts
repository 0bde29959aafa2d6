/** Loaded on demand, so that the bundle gets a second file. */
export function chunk(): string {
  return "loaded on demand";
}
