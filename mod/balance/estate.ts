/**
 * Listening sockets on their way from a balancer that goes to the one that takes its port. They listen all the while: a client that comes
 * in between waits in the kernel's queue, which a close would have reset.
 */
import { closeFd } from "../linux/socket.ts";
import { endListening } from "../linux/stream_socket.ts";
import type { ListenAddress } from "../linux/listen_socket.ts";

/** Owns the sockets from {@link leave} to {@link take}. Whoever made it closes it. */
export class Estate {
  /** By address and port. */
  readonly #left = new Map<string, { readonly ip: string; readonly fds: readonly number[] }>();
  #isClosed = false;

  /** How many sockets wait for their taker. */
  get size(): number {
    let size = 0;
    for (const { fds } of this.#left.values()) size += fds.length;
    return size;
  }

  /** Nobody else uses the descriptors any more. With `port` 0 it is the same socket that is left and taken, whatever port it has. */
  leave(at: ListenAddress, fds: readonly number[]): void {
    if (this.#isClosed) return end(fds);
    const known = this.#left.get(keyOf(at))?.fds ?? [];
    this.#left.set(keyOf(at), { ip: at.ip, fds: [...known, ...fds] });
  }

  /** Whether there are sockets on this address. */
  has(at: ListenAddress): boolean {
    return this.#left.has(keyOf(at));
  }

  /** The sockets on this address, which are the caller's now; none if nobody left one. */
  take(at: ListenAddress): readonly number[] {
    const left = this.#left.get(keyOf(at));
    this.#left.delete(keyOf(at));
    return left?.fds ?? [];
  }

  /** Nobody listens on this address any more: what waits there is reset. */
  release(ip: string): void {
    for (const [key, left] of this.#left) {
      if (left.ip !== ip) continue;
      this.#left.delete(key);
      end(left.fds);
    }
  }

  /** Ends what nobody took, and what is left from now on. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const { fds } of this.#left.values()) end(fds);
    this.#left.clear();
  }
}

function keyOf({ ip, port }: ListenAddress): string {
  return `${ip} ${port}`;
}

function end(fds: readonly number[]): void {
  for (const fd of fds) {
    endListening(fd);
    closeFd(fd);
  }
}
