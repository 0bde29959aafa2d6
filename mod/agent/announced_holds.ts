/** Which of the addresses that are held here routers are told about. Pure. */
import type { Standing } from "../election/elector.ts";
import type { RouteAnnouncer } from "../routes/types.ts";

/** Who announces: Services that share an address with the control plane have names of their own. */
const OWNER = "control-plane";

/** Announces an address exactly while it is held, the node serves, and its health is known to be good. */
export class AnnouncedHolds {
  readonly #announcer: Pick<RouteAnnouncer, "announce" | "withdraw" | "drain">;
  /** Held addresses and the terms of their grants; null: whoever holds is as good as any other. */
  readonly #held = new Map<string, number | null>();
  /** Of those, the ones that nobody stands for. */
  readonly #preserved = new Set<string>();
  #standing: Standing;
  #isHealthy: boolean;

  /** @param start what is so before anybody says otherwise; an elected holder is always `serving` */
  constructor(
    announcer: Pick<RouteAnnouncer, "announce" | "withdraw" | "drain">,
    start: { readonly standing: Standing; readonly isHealthy: boolean },
  ) {
    this.#announcer = announcer;
    this.#standing = start.standing;
    this.#isHealthy = start.isHealthy;
  }

  /** @param term of the grant, where only one node holds: routers are to prefer the newest holder to one that hangs; else null */
  held(ip: string, term: number | null): void {
    this.#held.set(ip, term);
    this.#tell(ip);
  }

  /** Another node may hold it by now: it is not announced until it is stood for again. */
  preserved(ip: string): void {
    this.#preserved.add(ip);
    this.#announcer.withdraw(ip, OWNER);
  }

  resumed(ip: string, term: number | null): void {
    this.#preserved.delete(ip);
    if (this.#held.has(ip)) this.held(ip, term);
  }

  /** Withdrawn before this returns: the address still answers. */
  released(ip: string): void {
    this.#held.delete(ip);
    this.#preserved.delete(ip);
    this.#announcer.withdraw(ip, OWNER);
  }

  standing(standing: Standing): void {
    this.#standing = standing;
    this.#tellAll();
  }

  healthy(isHealthy: boolean): void {
    if (isHealthy === this.#isHealthy) return;
    this.#isHealthy = isHealthy;
    this.#tellAll();
  }

  /** What routers are told of now, in no order. */
  announced(): string[] {
    if (!this.#isHealthy || this.#standing === "withdrawn") return [];
    return [...this.#held.keys()].filter((ip) => !this.#preserved.has(ip));
  }

  #tellAll(): void {
    for (const ip of this.#held.keys()) this.#tell(ip);
  }

  #tell(ip: string): void {
    const isHidden = !this.#isHealthy || this.#standing === "withdrawn" || this.#preserved.has(ip);
    if (isHidden) this.#announcer.withdraw(ip, OWNER);
    else if (this.#standing === "serving") this.#announcer.announce(ip, OWNER, this.#held.get(ip) ?? undefined);
    else this.#announcer.drain(ip);
  }
}
