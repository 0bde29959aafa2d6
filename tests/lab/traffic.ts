/**
 * Steady web traffic, a process on the client: `traffic.ts <address> <port>`. It begins a request every {@link EVERY_MS} on a
 * connection of its own and writes how each ended, `h <began ms> <ended ms> <backend>` with `-` for a backend when there was no
 * good answer. Ends when its standard input does.
 */

import { sharedNow } from "./time.ts";

const EVERY_MS = 20;
/** A request without an answer after this is lost. */
const PATIENCE_MS = 500;
const LARGEST_ANSWER_BYTES = 64 * 1024;

/** How a request ended. */
export interface WebRequest {
  readonly beganMs: number;
  readonly endedMs: number;
  /** Who answered; null when nobody did in time. */
  readonly backend: string | null;
}

/** Reads a line of this program; null when it is another. */
export function parseWebRequest(line: string): WebRequest | null {
  const match = /^h (\d+(?:\.\d+)?) (\d+(?:\.\d+)?) (\S+)$/.exec(line);
  if (match === null) return null;
  const [, beganMs, endedMs, backend] = match;
  return { beganMs: Number(beganMs), endedMs: Number(endedMs), backend: backend === "-" ? null : backend ?? null };
}

/** Writes a request as a line without its end. */
export function formatWebRequest({ beganMs, endedMs, backend }: WebRequest): string {
  return `h ${beganMs.toFixed(2)} ${endedMs.toFixed(2)} ${backend ?? "-"}`;
}

async function request(hostname: string, port: number): Promise<string | null> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const conn = await Deno.connect({ hostname, port, signal });
  const giveUp = (): void => conn.close();
  signal.addEventListener("abort", giveUp);
  try {
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    await conn.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    const answer = await readAll(conn);
    return /^HTTP\/1\.1 200 [^]*\r\nx-backend: (\S+)\r\n/i.exec(answer)?.[1] ?? null;
  } finally {
    signal.removeEventListener("abort", giveUp);
    if (!signal.aborted) conn.close();
  }
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < LARGEST_ANSWER_BYTES) {
    const got = await conn.read(buffer);
    if (got === null) break;
    text += decoder.decode(buffer.subarray(0, got), { stream: true });
  }
  return text;
}

async function attempt(hostname: string, port: number): Promise<void> {
  const beganMs = sharedNow();
  let backend: string | null = null;
  try {
    backend = await request(hostname, port);
  } catch {
    // Refused, reset or too late: the line says that there was no answer.
  }
  const line = formatWebRequest({ beganMs, endedMs: sharedNow(), backend });
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [hostname = "", port = ""] = Deno.args;
  setInterval(() => void attempt(hostname, Number(port)), EVERY_MS);
  const buffer = new Uint8Array(1);
  while (await Deno.stdin.read(buffer) !== null);
  Deno.exit(0);
}
