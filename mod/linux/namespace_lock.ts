/**
 * One owner for each name in a network namespace: a socket of the abstract kind (unix(7)), which belongs to the namespace, needs no file
 * and is gone with its process. Containers on the network of their machine have file systems of their own, and share only this.
 */
import { Errno, SysError } from "./errno.ts";
import { bindSocket, closeFd, openSocket, SocketType } from "./socket.ts";

const AF_UNIX = 1;
/** Of `sun_path`, without the byte 0 at its beginning that makes a name abstract. */
const MOST_NAME_BYTES = 107;

/** Held until it is released, or the process ends. */
export class NamespaceLock {
  readonly #fd: number;
  #held = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes the name in the network namespace of the calling thread; null: another has it. Throws SysError.
   * @param name 1 … 107 bytes
   */
  static take(name: string): NamespaceLock | null {
    const text = new TextEncoder().encode(name);
    if (text.length === 0 || text.length > MOST_NAME_BYTES) {
      throw new SysError("bind", Errno.EINVAL, { subject: `abstract ${name}` });
    }
    const fd = openSocket(AF_UNIX, SocketType.DGRAM, 0);
    try {
      bindSocket(fd, new Uint8Array([AF_UNIX, 0, 0, ...text]), `abstract ${name}`);
      return new NamespaceLock(fd);
    } catch (error) {
      closeFd(fd);
      if (error instanceof SysError && error.code === "EADDRINUSE") return null;
      throw error;
    }
  }

  /** Lets another have it. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    closeFd(this.#fd);
  }
}
