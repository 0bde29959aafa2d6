import type { Clock } from "../base/clock.ts";
import { SysError } from "../linux/errno.ts";
import { NftSocket } from "../linux/nft_socket.ts";
import type { DumpChains } from "../observe/dump_types.ts";
import { GUARD_FAMILIES, GUARD_TABLE } from "../vip/guard.ts";
import { Poller } from "../linux/poller.ts";
import { RouteSocket } from "../linux/rtnetlink.ts";
import { getLog } from "../observe/log.ts";
import type { KernelEvent, Permission } from "../vip/kernel.ts";
import { KernelMonitor } from "../vip/kernel_monitor.ts";
import { NetlinkAddressBook } from "../vip/netlink_book.ts";
import { NftPermission } from "../vip/nft_permission.ts";
import { NoPermission } from "../vip/no_permission.ts";

const log = getLog("linux");

/** The sockets to the kernel, opened together and closed together. One a process. */
export class HostKernel {
  readonly poller: Poller;
  readonly permission: Permission;
  readonly book: NetlinkAddressBook;
  /** Called for what the kernel tells unasked. */
  onEvent: (event: KernelEvent) => void = () => {};
  readonly #routes: RouteSocket;
  /** null where the kernel has no netfilter. */
  readonly #nft: NftSocket | null;
  readonly #monitor: KernelMonitor;

  /** Opens everything in the current network namespace. Throws SysError. */
  constructor(clock: Clock) {
    this.poller = new Poller((error) => log.error("a socket failed", { cause: String(error) }));
    this.#routes = new RouteSocket();
    [this.#nft, this.permission] = openPermission(clock);
    this.book = new NetlinkAddressBook(this.#routes);
    this.#monitor = new KernelMonitor(this.poller, (event) => this.onEvent(event));
  }

  /** Whether this machine has a way out of its own networks. */
  hasDefaultRoute(): boolean {
    return this.book.defaultRoutes().length > 0;
  }

  /** The chains of the guard, for the dump. */
  chains(): DumpChains {
    const nft = this.#nft;
    if (nft === null) return { outcome: "failed", why: "this kernel has no nftables" };
    try {
      const ours = GUARD_FAMILIES.flatMap((family) => nft.chains({ family, table: GUARD_TABLE }));
      return {
        outcome: "read",
        chains: ours.map(({ family, table, chain }) => ({ table: `${family} ${table}`, chain })),
      };
    } catch (error) {
      return { outcome: "failed", why: error instanceof Error ? error.message : String(error) };
    }
  }

  async close(): Promise<void> {
    this.#monitor.close();
    this.#routes.close();
    this.#nft?.close();
    await this.poller.close();
  }
}

/** Throws SysError when the kernel has netfilter and does not let us use it. */
function openPermission(clock: Clock): [NftSocket | null, Permission] {
  try {
    const nft = new NftSocket();
    return [nft, new NftPermission(nft, clock)];
  } catch (error) {
    if (error instanceof SysError && error.code === "EPROTONOSUPPORT") return [null, new NoPermission(error)];
    throw error;
  }
}
