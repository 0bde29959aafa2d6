/** A routing table of the kernel as the way in which a routing daemon on this machine hears of its addresses. */
import type { Clock } from "../base/clock.ts";
import type { RoutesConfig } from "../config/manager/types.ts";
import { RouteSocket } from "../linux/rtnetlink.ts";
import type { RoutingStatus } from "../observe/status_types.ts";
import { RouteTableAnnouncer } from "../routes/table_announcer.ts";
import type { KernelEvent } from "../vip/kernel.ts";
import { AnnouncedHolds } from "./announced_holds.ts";
import type { Routing } from "./routing.ts";

export interface TableRoutingOptions {
  readonly routes: RoutesConfig;
  readonly linkName: string;
  /** Addresses that are this program's. */
  readonly managed: () => ReadonlySet<string>;
  readonly clock: Clock;
}

/** Opens its socket in the current network namespace. */
export class TableRouting implements Routing {
  readonly holds: AnnouncedHolds;
  readonly #linkName: string;
  readonly #book = new RouteSocket();
  readonly #announcer: RouteTableAnnouncer;

  constructor(options: TableRoutingOptions) {
    const { routes: { cleanStale, reassertMs, ...shape }, linkName, managed, clock } = options;
    this.#linkName = linkName;
    this.#announcer = new RouteTableAnnouncer({
      shape,
      cleanStale,
      linkName,
      reassertMs,
      managed: () => [...managed()],
      book: this.#book,
      clock,
    });
    this.holds = new AnnouncedHolds(this.#announcer, { standing: "withdrawn", isHealthy: false });
  }

  start(): Promise<void> {
    this.#announcer.start();
    return Promise.resolve();
  }

  decided(): void {
    this.#announcer.ready();
  }

  /** A link that goes takes its routes along. */
  kernelEvent(event: KernelEvent): void {
    const isOurs = event.type === "link-changed" && event.link.name === this.#linkName;
    if (isOurs || event.type === "resync") this.#announcer.check();
  }

  status(): RoutingStatus {
    return { bgp: [], routes: this.#announcer.status() };
  }

  bgp(): null {
    return null;
  }

  async close(): Promise<void> {
    await this.#announcer.close();
    this.#book.close();
  }
}
