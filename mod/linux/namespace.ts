/**
 * Network namespaces, for the laboratory and the demonstration. A namespace belongs to a thread: {@link Namespace.run} takes the calling
 * thread there and back, so only what happens synchronously on it happens inside.
 */
import { assert } from "../base/assert.ts";
import { sysCall } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { closeFd } from "./socket.ts";

const CLONE_NEWNET = 0x4000_0000;
const O_CLOEXEC = 0o2000000;
const OWN = "/proc/thread-self/ns/net";

/** A network namespace, kept alive by a descriptor. */
export class Namespace {
  /** For `IFLA_NET_NS_FD`. */
  readonly fd: number;
  #open = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Makes an empty namespace (its loopback is down); the calling thread stays where it is. Throws SysError, EPERM without privilege. */
  static create(): Namespace {
    const home = openNamespace(OWN);
    try {
      sysCall("make network namespace", libc.unshare(CLONE_NEWNET));
      try {
        return new Namespace(openNamespace(OWN));
      } finally {
        enter(home);
      }
    } finally {
      closeFd(home);
    }
  }

  /** The namespace of the calling thread. */
  static current(): Namespace {
    return new Namespace(openNamespace(OWN));
  }

  /**
   * Runs `fn` inside and gives its result; the thread is back when this returns or throws. `fn` must be synchronous.
   *
   * Inside happen (tried on Deno 2.7.14): sockets opened by FFI, `Deno.listen`, `Deno.serve`, `Deno.Command` (`spawn`, `outputSync`),
   * `Deno.connect` and `fetch` to an address (not a name), synchronous access to `/proc/sys/net`; a `Worker` made here stays here.
   * Outside happen: whatever follows an `await`, `net.connect` and the `bind` of `node:dgram`, both of which look the address up first (dgram does
   * it at once, and so inside, with a `lookup` option that answers synchronously).
   * Start no asynchronous file access or name look-up here: a pool thread that is born inside stays inside for good.
   */
  run<T>(fn: () => T): T {
    const home = openNamespace(OWN);
    try {
      enter(this.fd);
      try {
        const result = fn();
        assert(!(result instanceof Promise), "only synchronous work runs in a namespace");
        return result;
      } finally {
        enter(home);
      }
    } finally {
      closeFd(home);
    }
  }

  /** Lets go of the namespace; it ends with its last process, socket and descriptor. Calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }
}

function openNamespace(path: string): number {
  return sysCall("open network namespace", libc.open(cString(path), O_CLOEXEC, 0), path);
}

function enter(fd: number): void {
  sysCall("enter network namespace", libc.setns(fd, CLONE_NEWNET), `${fd}`);
}
