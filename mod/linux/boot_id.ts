import { readProcFile } from "./proc_file.ts";

const PATH = "/proc/sys/kernel/random/boot_id";

/**
 * What tells this boot of the kernel from every other: a UUID in lower case, the same for all containers and processes until the machine
 * starts again. null where the kernel does not tell. Throws SysError when it may not be read.
 */
export function bootId(): string | null {
  return readProcFile(PATH);
}
