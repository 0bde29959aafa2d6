/** Announcers by routing: BGP, and routes in a table of the kernel. Pure. */

/**
 * Tells routers about addresses. An address may have several owners (Services that share it): it is announced from the first to the last.
 * Calls are idempotent for one owner and never throw. As far as this machine goes, a withdrawal takes effect within the call, and an
 * announcement within the turn, so that many of them can go together.
 */
export interface RouteAnnouncer {
  /**
   * @param term of the grant under which it is held, at least 0; none: every node that announces it is as good as any other. The highest
   * term of all owners counts: routers are to prefer the newest holder to one that hangs and cannot withdraw. A later call with another
   * term changes the route, which is never withdrawn in between.
   */
  announce(ip: string, owner: string, term?: number): void;
  withdraw(ip: string, owner: string): void;
  /** Before a planned withdrawal: asks routers to prefer others (RFC 8326). Announced again, it is as before. */
  drain(ip: string): void;
  /** Withdraws everything and ends, in two seconds at most. Idempotent. */
  close(): Promise<void>;
}
