/** TCP as sessions need it. The implementation is {@link file://./tcp_transport.ts}; tests have their own. */

/** Settings of the socket, made before it connects or listens. */
export interface SocketSettings {
  /** TCP-MD5 key (RFC 2385); null: none. */
  readonly password: string | null;
  /** IP_TTL or IPV6_UNICAST_HOPS of what is sent. */
  readonly ttl: number;
  /** RFC 5082: what arrives with less is dropped by the kernel; null: not looked at. */
  readonly minTtl: number | null;
}

export interface ConnectRequest extends SocketSettings {
  /** Canonical text. */
  readonly ip: string;
  readonly port: number;
  /** Link of a link-local address, and SO_BINDTODEVICE when `bind` is set; null: none. */
  readonly interface: string | null;
  readonly bindToInterface: boolean;
  /** Local address; null: the kernel's choice. */
  readonly sourceIp: string | null;
}

/** What happens on a connection. Nothing is called after `closed`, or after `close()` or `abort()`. */
export interface ConnectionEvents {
  /** TCP is there; for connections we made, as those we accept are open from the start. */
  opened(): void;
  /** Bytes of the peer; lent for the call. */
  received(bytes: Uint8Array): void;
  /** TCP has ended or never came up; why, in words. Once. */
  closed(why: string): void;
}

/** One TCP connection, being made or made. */
export interface Connection {
  /** Canonical text; null before `opened`. */
  readonly localIp: string | null;
  readonly remoteIp: string | null;
  /** Bytes go out in order; what the kernel does not take yet is kept. */
  send(bytes: Uint8Array): void;
  /** Bytes that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Sends what is queued, then FIN; gives up after `limitMs`. */
  close(limitMs: number): void;
  /** Ends it at once (RST if it is up). */
  abort(): void;
}

/** Somebody has connected. */
export interface Incoming {
  readonly remoteIp: string;
  readonly localIp: string;
  /** Name of the link it came over if its address is link-local; null otherwise. */
  readonly interface: string | null;
  /** Takes it; without this call within the same turn it is ended by RST. */
  accept(events: ConnectionEvents, settings: Pick<SocketSettings, "ttl" | "minTtl">): Connection;
}

/** A peer that may connect to us with a password, for the listening socket. */
export interface ListenKey {
  readonly ip: string;
  readonly password: string;
}

export interface ListenRequest {
  readonly port: number;
  readonly keys: readonly ListenKey[];
  /** For each connection. */
  readonly onIncoming: (incoming: Incoming) => void;
  /** A listener that broke; it is not tried again by itself. */
  readonly onError: (why: string) => void;
}

export interface Listener {
  /** The port, for those who asked for 0. */
  readonly port: number;
  close(): Promise<void>;
}

export interface Transport {
  /** Begins to connect; never throws: what cannot be is `closed`, in a later turn. */
  connect(request: ConnectRequest, events: ConnectionEvents): Connection;
  /** Listens on IPv4 and IPv6. Throws Error with the reason in words. */
  listen(request: ListenRequest): Listener;
}
