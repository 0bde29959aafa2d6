/** Where laboratories keep their files. */

const MEMORY = "/dev/shm";

/**
 * Makes a directory, in memory where the machine has such a place: how long its disk takes to keep something is nothing that a laboratory
 * asks about, and no two machines take the same. Not for files of the compiled program, whose runtime keeps everything there from it.
 * Whoever made it removes it.
 */
export async function makeDirectory(prefix: string): Promise<string> {
  return await Deno.makeTempDir({ prefix, ...await inMemory() });
}

async function inMemory(): Promise<{ dir?: string }> {
  try {
    return (await Deno.stat(MEMORY)).isDirectory ? { dir: MEMORY } : {};
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}
