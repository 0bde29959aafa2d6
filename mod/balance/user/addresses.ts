/** Where the backends of a balancer are: addresses as given, host names looked up in the main thread again and again. */
import type { Clock, Timer } from "../../base/clock.ts";
import { internetAddress } from "../../linux/socket.ts";
import type { Lookup } from "../../names/lookup.ts";
import { parseIp } from "../../net/ip.ts";
import type { Log } from "../../observe/log.ts";
import type { Destination } from "./types.ts";

/** Every name is looked up this often. */
const EVERY_MS = 30_000;
/** After a failed connect, and while a name has no address, this soon. */
const SOON_MS = 1000;
/** A start waits this long for the first answers. */
const FIRST_MS = 1000;

/** A backend as far as its place in the network goes. */
export interface Located {
  readonly hostname: string;
  readonly port: number;
  readonly name: string;
}

/** What is needed to look names up. */
export interface AddressesOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly log: Log;
  /** A name has another address: {@link Addresses.destinations} has changed. */
  readonly onChange: () => void;
}

interface Name {
  readonly host: string;
  /** IP text; the first is used. */
  ips: readonly string[];
  timer: Timer | null;
  isBusy: boolean;
  /** The last lookup has ended. */
  lookedUpMs: number;
  trouble: string;
}

/** Owns the lookups of one balancer. */
export class Addresses {
  readonly #options: AddressesOptions;
  readonly #names = new Map<string, Name>();
  #backends: readonly Located[];
  #first: Promise<void>[] = [];
  #state: "new" | "running" | "stopped" = "new";

  constructor(backends: readonly Located[], options: AddressesOptions) {
    this.#options = options;
    this.#backends = backends;
  }

  /** Begins to look names up; resolves when there were answers, or soon without. */
  async start(): Promise<void> {
    this.#state = "running";
    this.#follow();
    if (this.#first.length === 0) return;
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(FIRST_MS, late.resolve);
    await Promise.race([Promise.all(this.#first), late.promise]);
    timer.cancel();
    this.#first = [];
  }

  /** Other backends; what is known of a name stays. */
  update(backends: readonly Located[]): void {
    this.#backends = backends;
    if (this.#state === "running") this.#follow();
  }

  /** Where each backend is, in the order given; null while its name has no address. */
  destinations(): (Destination | null)[] {
    return this.#backends.map(({ hostname, port, name }) => {
      const ip = parseIp(hostname) ?? parseIp(this.#names.get(hostname)?.ips[0] ?? "");
      return ip === null ? null : { address: internetAddress(ip, port), name };
    });
  }

  /** The backend at this place could not be reached: another address of its name may do, or a new one is to be had. */
  unreached(place: number): void {
    const name = this.#names.get(this.#backends[place]?.hostname ?? "");
    if (name === undefined || this.#state !== "running") return;
    if (name.ips.length > 1) {
      name.ips = [...name.ips.slice(1), ...name.ips.slice(0, 1)];
      this.#options.onChange();
    }
    if (!name.isBusy && this.#options.clock.now() - name.lookedUpMs >= SOON_MS) this.#look(name);
  }

  /** Looks nothing up any more. */
  stop(): void {
    this.#state = "stopped";
    for (const { timer } of this.#names.values()) timer?.cancel();
    this.#names.clear();
  }

  #follow(): void {
    const hosts = new Set(this.#backends.map(({ hostname }) => hostname).filter((host) => parseIp(host) === null));
    for (const [host, name] of this.#names) {
      if (hosts.has(host)) continue;
      name.timer?.cancel();
      this.#names.delete(host);
    }
    for (const host of hosts) {
      if (this.#names.has(host)) continue;
      const name = { host, ips: [], timer: null, isBusy: false, lookedUpMs: -Infinity, trouble: "" };
      this.#names.set(host, name);
      this.#first.push(this.#look(name));
    }
  }

  /** One lookup; never rejects. */
  #look(name: Name): Promise<void> {
    name.timer?.cancel();
    name.isBusy = true;
    return this.#options.lookup(name.host).then((ips) => this.#found(name, ips), (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== name.trouble && this.#isFollowed(name)) {
        this.#options.log.warning("A backend's name cannot be looked up", { host: name.host, reason: why });
      }
      name.trouble = why;
    }).then(() => this.#ended(name));
  }

  #found(name: Name, answer: readonly string[]): void {
    if (!this.#isFollowed(name)) return;
    name.trouble = "";
    const ips = answer.filter((ip) => parseIp(ip) !== null);
    if (ips.length === 0) return;
    const before = name.ips[0];
    // Whichever is used is used on as long as it is given: servers change the order with every answer.
    name.ips = before !== undefined && ips.includes(before) ? [before, ...ips.filter((ip) => ip !== before)] : ips;
    if (name.ips[0] !== before) this.#options.onChange();
  }

  #ended(name: Name): void {
    const { clock } = this.#options;
    name.isBusy = false;
    name.lookedUpMs = clock.now();
    if (!this.#isFollowed(name)) return;
    name.timer = clock.after(name.ips.length === 0 ? SOON_MS : EVERY_MS, () => this.#look(name));
  }

  #isFollowed(name: Name): boolean {
    return this.#state === "running" && this.#names.get(name.host) === name;
  }
}
