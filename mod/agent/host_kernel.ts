import { NftSocket } from "../linux/nft_socket.ts";
import { Poller } from "../linux/poller.ts";
import { RouteSocket } from "../linux/rtnetlink.ts";
import { getLog } from "../observe/log.ts";
import type { KernelEvent } from "../vip/kernel.ts";
import { KernelMonitor } from "../vip/kernel_monitor.ts";
import { NetlinkAddressBook } from "../vip/netlink_book.ts";

const log = getLog("linux");

/** The sockets to the kernel, opened together and closed together. One a process. */
export class HostKernel {
  readonly poller: Poller;
  readonly nft: NftSocket;
  readonly book: NetlinkAddressBook;
  /** Called for what the kernel tells unasked. */
  onEvent: (event: KernelEvent) => void = () => {};
  readonly #routes: RouteSocket;
  readonly #monitor: KernelMonitor;

  /** Opens everything in the current network namespace. Throws SysError. */
  constructor() {
    this.poller = new Poller((error) => log.error("a socket failed", { cause: String(error) }));
    this.#routes = new RouteSocket();
    this.nft = new NftSocket();
    this.book = new NetlinkAddressBook(this.#routes);
    this.#monitor = new KernelMonitor(this.poller, (event) => this.onEvent(event));
  }

  async close(): Promise<void> {
    this.#monitor.close();
    this.#routes.close();
    this.nft.close();
    await this.poller.close();
  }
}
