/**
 * Options of TCP on sockets that Deno owns and offers no way to set them on. They are found by their addresses among `/proc/self/fd`; each
 * call looks at every descriptor, about 2 µs apiece.
 */
import { openDescriptors } from "./descriptors.ts";
import { libc } from "./libc.ts";
import { canonical } from "./reset_connections.ts";
import { type Endpoint, localEndpoint, remoteEndpoint } from "./socket.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_NOTSENT_LOWAT = 25;
/** Bytes that wait in the kernel besides those that are on their way. */
const MOST_UNSENT = 128 * 1024;

interface Option {
  readonly name: number;
  readonly value: number;
}

/**
 * Lets the connection between these two ends of this process send at once; with null, the listener on `local`, and then every connection
 * that it accepts from now on (Linux copies the option to them). Those of `Deno.listenTls` and `Deno.connectTls` need it: without it two
 * small writes in a row cost 43 ms (Nagle against delayed acknowledgement; measured with Deno 2.7.14 and 2.9.6). Gives whether there is such
 * a socket. Synchronous.
 */
export function sendAtOnce(local: Endpoint, remote: Endpoint | null): boolean {
  return setOn(local, remote, { option: { name: TCP_NODELAY, value: 1 } });
}

/**
 * Lets the connections that the listener on `local` accepts from now on take little more than can be sent at once: a write to somebody slow
 * then comes further every moment. Otherwise the kernel takes megabytes and then nothing for minutes, which looks like a peer that has
 * stopped to read. Gives whether there is such a listener. Synchronous.
 */
export function keepUnsentSmall(local: Endpoint): boolean {
  return setOn(local, null, { option: { name: TCP_NOTSENT_LOWAT, value: MOST_UNSENT } });
}

function setOn(local: Endpoint, remote: Endpoint | null, { option }: { readonly option: Option }): boolean {
  const value = Int32Array.of(option.value);
  const [wanted, other] = [canonical(local), remote === null ? null : canonical(remote)];
  for (const fd of openDescriptors()) {
    const near = localEndpoint(fd); // null for what is no internet socket
    if (near === null || !isSame(near, wanted)) continue;
    const far = remoteEndpoint(fd); // null for listeners
    const isMeant = other === null ? far === null : far !== null && isSame(far, other);
    if (isMeant && libc.setsockopt(fd, IPPROTO_TCP, option.name, value, value.byteLength) === 0) return true;
  }
  return false;
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.ip === other.ip;
}
