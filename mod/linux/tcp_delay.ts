/**
 * TCP_NODELAY on sockets that Deno owns and offers no way to set it on: those of `Deno.listenTls` and `Deno.connectTls`. Without it two
 * small writes in a row cost 43 ms (Nagle against delayed acknowledgement; measured with Deno 2.7.14 and 2.9.6). They are found by their
 * addresses among `/proc/self/fd`; each call looks at every descriptor, about 2 µs apiece.
 */
import { openDescriptors } from "./descriptors.ts";
import { libc } from "./libc.ts";
import { canonical } from "./reset_connections.ts";
import { type Endpoint, localEndpoint, remoteEndpoint } from "./socket.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const ON = Int32Array.of(1);

/**
 * Lets the connection between these two ends of this process send at once; with null, the listener on `local`, and then every connection
 * that it accepts from now on (Linux copies the option to them). Gives whether there is such a socket. Synchronous.
 */
export function sendAtOnce(local: Endpoint, remote: Endpoint | null): boolean {
  const [wanted, other] = [canonical(local), remote === null ? null : canonical(remote)];
  for (const fd of openDescriptors()) {
    const near = localEndpoint(fd); // null for what is no internet socket
    if (near === null || !isSame(near, wanted)) continue;
    const far = remoteEndpoint(fd); // null for listeners
    const isMeant = other === null ? far === null : far !== null && isSame(far, other);
    if (isMeant && libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, ON.byteLength) === 0) return true;
  }
  return false;
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.ip === other.ip;
}
