/**
 * Opens connections and keeps them, a process of its own: `memory_client.ts <host> <port> <count> <tcp|http>`. For http each gets an
 * answer first. Writes "open <count>" when all are there and, when something comes on standard input or it ends, how many still are:
 * "still <count>".
 */

import { GREETING } from "./configs.ts";
import { raiseFileLimit } from "../../../mod/linux/limits.ts";
import { MessageOption } from "../../../mod/linux/socket.ts";
import { beginConnect, connectError, POLLIN, POLLOUT, PollSet, receive, say, send } from "./raw.ts";

/** So many begin at once: fewer than any queue of connections not yet accepted. */
const BATCH = 100;
const PATIENCE_MS = 10_000;

/** One batch: every connection is open, and has had its answer, when this returns. */
function openBatch(
  host: string,
  port: number,
  options: { count: number; request: Uint8Array<ArrayBuffer> | null },
): number[] {
  const fds = Array.from({ length: options.count }, () => beginConnect(host, port));
  const failed = fds.find((fd) => fd < 0);
  if (failed !== undefined) throw new Error(`cannot connect: errno ${-failed}`);
  each(fds, POLLOUT, (fd) => {
    const error = connectError(fd);
    if (error !== 0) throw new Error(`cannot connect: errno ${error}`);
    return true;
  });
  if (options.request === null) return fds;
  for (const fd of fds) send(fd, options.request);
  const buffer = new Uint8Array(4096);
  each(fds, POLLIN, (fd) => {
    const got = receive(fd, buffer) ?? 0;
    if (got < 0) throw new Error(`no answer: errno ${-got}`);
    return new TextDecoder().decode(buffer.subarray(0, got)).endsWith(GREETING);
  });
  return fds;
}

/** Calls `done` for a descriptor whenever it is ready, until it says so of each. */
function each(fds: readonly number[], events: number, done: (fd: number) => boolean): void {
  const poll = new PollSet(fds.length);
  for (const [place, fd] of fds.entries()) poll.watch(place, fd, events);
  const untilMs = performance.now() + PATIENCE_MS;
  for (let left = fds.length; left > 0;) {
    if (poll.wait(PATIENCE_MS) <= 0 || performance.now() > untilMs) throw new Error(`${left} connections got nowhere`);
    for (const [place, fd] of fds.entries()) {
      if (!poll.isReady(place) || !done(fd)) continue;
      poll.watch(place, -1, 0);
      left--;
    }
  }
}

function isOpen(fd: number): boolean {
  return receive(fd, new Uint8Array(1), MessageOption.PEEK) === null;
}

if (import.meta.main) {
  const [host = "", port = "", count = "", kind = ""] = Deno.args;
  raiseFileLimit();
  const request = kind === "http" ? new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`) : null;
  const fds: number[] = [];
  while (fds.length < Number(count)) {
    fds.push(...openBatch(host, Number(port), { count: Math.min(BATCH, Number(count) - fds.length), request }));
  }
  say(`open ${fds.length}`);
  await Deno.stdin.read(new Uint8Array(1));
  say(`still ${fds.filter(isOpen).length}`);
  Deno.exit(0);
}
