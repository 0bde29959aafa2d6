/**
 * The file that a Worker begins with: `name` beside the module `base` (its `import.meta.url`). In a bundle every entry lies beside the
 * chunks, as JavaScript; the compiler puts its stamp (`globalThis.kubeVipBuild`) in front of those.
 */
export function workerEntry(name: string, base: string): URL {
  const isBundled = Reflect.get(globalThis, "kubeVipBuild") !== undefined;
  return new URL(`./${name}.${isBundled ? "js" : "ts"}`, base);
}
