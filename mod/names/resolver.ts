import type { Clock, Timer } from "../base/clock.ts";
import type { DnsMode, GivenAddress } from "../config/manager/types.ts";
import { getLog } from "../observe/log.ts";
import { DeadlineError, withDeadline } from "../runtime/deadline.ts";
import { choose, type Used } from "./choice.ts";
import type { Lookup } from "./lookup.ts";

const log = getLog("names");

/** Every name is looked up this often. */
const EVERY_MS = 3000;
/** An answer that comes later is not waited for. */
const LIMIT_MS = 2500;

/** An address and the prefix it gets on its link. */
export interface WatchedAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
}

export interface NameWatchOptions {
  readonly addresses: readonly GivenAddress[];
  readonly dnsMode: DnsMode;
  /** With `dual`: both families are required, see {@link choose}. @default {false} */
  readonly dualRequired?: boolean;
  readonly prefixLengths: { readonly v4: number; readonly v6: number };
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** Told of every change of {@link NameWatch.current}; what it throws is the caller's mistake. */
  readonly onChange: (current: readonly WatchedAddress[]) => void;
}

interface Watched {
  readonly host: string;
  used: readonly Used[];
  /** Why the last lookup gave nothing, or null. */
  trouble: string | null;
  /** A lookup that is under way, perhaps for longer than it is waited for: no second one before it has ended. */
  isBusy: boolean;
}

/**
 * Follows the addresses of names; addresses that were given as such pass through. A name that cannot be looked up keeps the addresses it
 * has; one that never had any is tried again and again.
 */
export class NameWatch {
  readonly #options: NameWatchOptions;
  readonly #names: readonly Watched[];
  #current: readonly WatchedAddress[];
  #timer: Timer | null = null;
  #state: "new" | "running" | "closed" = "new";

  constructor(options: NameWatchOptions) {
    this.#options = options;
    const hosts = options.addresses.filter((given) => given.is === "name").map((given) => given.host);
    this.#names = [...new Set(hosts)].map((host) => ({
      host,
      used: [],
      trouble: "was not looked up yet",
      isBusy: false,
    }));
    this.#current = this.#addresses();
  }

  /** Begins to look names up, at once; does nothing if there are none. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#round();
  }

  /** What the addresses and names stand for now, each address once, in the order they were given. */
  current(): readonly WatchedAddress[] {
    return this.#current;
  }

  /** The names that have no address, or could not be looked up lately, and why; null when all is well. */
  trouble(): string | null {
    const troubled = this.#names.filter((name) => name.trouble !== null);
    return troubled.length === 0 ? null : troubled.map(({ host, trouble }) => `${host} ${trouble}`).join("; ");
  }

  /** Looks nothing up any more; {@link NameWatchOptions.onChange} is not called again. */
  close(): void {
    this.#state = "closed";
    this.#timer?.cancel();
    this.#timer = null;
  }

  #round(): void {
    if (this.#names.length === 0) return;
    this.#timer = this.#options.clock.after(EVERY_MS, () => this.#round());
    for (const name of this.#names.filter((one) => !one.isBusy)) {
      this.#look(name).catch((error: unknown) => log.error("looking up a name failed", { cause: String(error) }));
    }
  }

  async #look(name: Watched): Promise<void> {
    const { lookup, clock } = this.#options;
    name.isBusy = true;
    const ended = (): void => void (name.isBusy = false);
    const answer = lookup(name.host);
    answer.then(ended, ended);
    try {
      const ips = await withDeadline(answer, { clock, limitMs: LIMIT_MS, what: name.host });
      if (this.#state === "running") this.#answered(name, ips);
    } catch (error) {
      if (this.#state === "running") this.#failed(name, reasonOf(error));
    }
  }

  #answered(name: Watched, answer: readonly string[]): void {
    const { dnsMode, dualRequired = false, onChange } = this.#options;
    const choice = choose(answer, name.used, { mode: dnsMode, dualRequired });
    if (choice.outcome === "unusable") return this.#failed(name, choice.why);
    name.trouble = null;
    name.used = choice.used;
    const before = this.#current;
    this.#current = this.#addresses();
    if (isSame(before, this.#current)) return;
    log.info("a name has other addresses", { host: name.host, ips: name.used.map(({ ip }) => ip).join(",") });
    onChange(this.#current);
  }

  #failed(name: Watched, why: string): void {
    if (name.trouble !== why) {
      const kept = name.used.map(({ ip }) => ip).join(",");
      log.warning("a name cannot be looked up, its addresses stay", { host: name.host, why, kept });
    }
    name.trouble = why;
  }

  #addresses(): readonly WatchedAddress[] {
    const { addresses, prefixLengths } = this.#options;
    const ips = addresses.flatMap((given) =>
      given.is === "ip"
        ? [given.ip]
        : this.#names.find(({ host }) => host === given.host)?.used.map(({ ip }) => ip) ?? []
    );
    return [...new Set(ips)].map((ip) => ({
      ip,
      prefixLength: ip.includes(":") ? prefixLengths.v6 : prefixLengths.v4,
    }));
  }
}

function isSame(a: readonly WatchedAddress[], b: readonly WatchedAddress[]): boolean {
  return a.length === b.length && a.every(({ ip }, index) => ip === b[index]?.ip);
}

function reasonOf(error: unknown): string {
  if (error instanceof DeadlineError) return `was not answered for within ${error.limitMs} ms`;
  return `could not be looked up: ${error instanceof Error ? error.message : String(error)}`;
}
