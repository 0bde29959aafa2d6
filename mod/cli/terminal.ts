/** The real {@link Terminal}. */

import { printable } from "../config/findings.ts";
import type { Terminal } from "./context.ts";

/** Files that commands read are configurations and secrets. */
const LARGEST_FILE_BYTES = 1024 * 1024;

/** Standard streams, environment and files of this process. */
export function systemTerminal(): Terminal {
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    env: Deno.env.toObject(),
    readText: readSmallFile,
    hostname: () => Deno.hostname(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  } catch (error) {
    // `kube-vip docs settings | head`: whoever closed the pipe has seen enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Reads a text file, at most {@link LARGEST_FILE_BYTES}: the name could be that of a device without an end. */
export function readSmallFile(path: string): string {
  using file = Deno.openSync(path);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const buffer = new Uint8Array(65536);
  for (let got = file.readSync(buffer); got !== null; got = file.readSync(buffer)) {
    size += got;
    if (size > LARGEST_FILE_BYTES) throw new Error(`${printable(path)} is larger than ${LARGEST_FILE_BYTES} bytes`);
    chunks.push(buffer.slice(0, got));
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder().decode(whole);
}
