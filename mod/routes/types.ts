/** Announcers by routing: BGP, and routes in a table of the kernel. Pure. */

/**
 * Tells routers about addresses. An address may have several owners (Services that share it): it is announced from the first to the last.
 * Both calls are idempotent for one owner, take effect within the call as far as this machine goes, and never throw.
 */
export interface RouteAnnouncer {
  announce(ip: string, owner: string): void;
  withdraw(ip: string, owner: string): void;
  /** Before a planned withdrawal: asks routers to prefer others (RFC 8326). Announced again, it is as before. */
  drain(ip: string): void;
  /** Withdraws everything and ends, in two seconds at most. Idempotent. */
  close(): Promise<void>;
}
