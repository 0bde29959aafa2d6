/** Files that hold credentials, as the rest of this room sees them. */

export interface Files {
  /** The text of a file; null if there is none. Throws when there is one that cannot be read. */
  read(path: string): Promise<string | null>;
}

/** Those of this machine. */
export const hostFiles: Files = {
  async read(path: string): Promise<string | null> {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
      throw error;
    }
  },
};
