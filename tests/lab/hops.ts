/** What `ip -o monitor route` says of host routes. Pure. */

/** Where a machine's kernel leads an address from now on. */
export interface RouteHops {
  /** The address, without prefix length. */
  readonly prefix: string;
  /** None: the route is gone. */
  readonly hops: readonly string[];
}

/** One line; null: it is about something else, such as a local route or a network. */
export function parseHops(line: string): RouteHops | null {
  const isGone = line.startsWith("Deleted ");
  const [prefix = ""] = (isGone ? line.slice("Deleted ".length) : line).split(" ");
  if (!/^[0-9a-f.:]+$/.test(prefix)) return null;
  const hops = [...line.matchAll(/ via (?:inet6 )?([0-9a-f.:]+)/g)].map(([, hop = ""]) => hop);
  if (hops.length === 0) return null;
  return { prefix, hops: isGone ? [] : hops };
}
