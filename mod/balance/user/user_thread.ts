/** What runs in a thread of the engine: the balancers it serves, and the orders of the main thread. */
import type { BalancerConfig } from "../../config/types.ts";
import { errnoName } from "../../linux/errno.ts";
import { closeStream } from "../../linux/stream_socket.ts";
import type { IdleFate } from "../balancer.ts";
import { Acceptor, type Places } from "./acceptor.ts";
import { ThreadBackends } from "./backends.ts";
import { Counters, OpenClients } from "./counters.ts";
import type { SocketFlow } from "./flow.ts";
import { EventLoop, type Watched } from "./loop.ts";
import { type Order, type PostedBackends, type Report, unposted } from "./messages.ts";
import { ProxyFront } from "./proxy_front.ts";
import { makeService } from "./services.ts";
import type { Service } from "./types.ts";

/** What a thread is made with. */
export interface UserThreadOptions {
  /** Monotonic ms. */
  readonly now: () => number;
  readonly post: (report: Report) => void;
  /** An eventfd of the main thread, which writes to it when it has posted something. */
  readonly wakeUpFd: number;
}

/** One balancer in this thread. */
class Served {
  readonly #id: number;
  readonly #loop: EventLoop;
  readonly #post: (report: Report) => void;
  readonly #counters: Counters;
  readonly #open: OpenClients;
  readonly #backends: ThreadBackends;
  readonly #service: Service;
  readonly #acceptors = new Map<number, Acceptor>();
  /** Clients that have not said yet whom they speak for. */
  readonly #fronts = new Set<ProxyFront>();
  #config: BalancerConfig;
  /** Clients of this thread. */
  #clients = 0;
  #isDraining = false;
  /** Told again only after a good distance: around the limit every connection crosses it. */
  #isFullTold = false;

  constructor(order: Extract<Order, { op: "open" }>, options: { loop: EventLoop; post: (report: Report) => void }) {
    const { id } = order;
    const { loop, post } = options;
    this.#id = id;
    this.#loop = loop;
    this.#post = post;
    this.#counters = new Counters(order.counters);
    this.#open = new OpenClients(order.clients);
    this.#config = unposted(order.backends.config);
    this.#backends = new ThreadBackends({
      ...placed(order.backends),
      counters: this.#counters,
      now: () => loop.nowMs,
      onChange: (slot, change) => post({ op: "changed", id, slot, change }),
      onUnreached: (place) => post({ op: "unreached", id, place }),
    });
    this.#service = makeService({ config: this.#config, loop, backends: this.#backends });
  }

  listen(fd: number): void {
    const id = this.#id;
    const acceptor = new Acceptor(fd, {
      loop: this.#loop,
      places: this.#places,
      onAccepted: (flow) => this.#accepted(flow),
      onError: (errno) => this.#post({ op: "accept failed", id, reason: errnoName(errno) }),
      onFull: () => this.#tellFull(),
    });
    this.#acceptors.set(fd, acceptor);
  }

  release(ip: string, fds: readonly number[]): void {
    for (const fd of fds) {
      this.#acceptors.get(fd)?.close();
      this.#acceptors.delete(fd);
    }
    this.#cut(ip);
  }

  yield(fds: readonly number[]): void {
    for (const fd of fds) {
      this.#acceptors.get(fd)?.giveUp();
      this.#acceptors.delete(fd);
    }
    this.#post({ op: "yielded", id: this.#id, fds });
  }

  update(backends: PostedBackends): void {
    const next = placed(backends);
    this.#config = next.config;
    const gone = this.#backends.update(next);
    this.#service.update(next.config);
    for (const index of gone) this.#service.forget(index);
    for (const acceptor of this.#acceptors.values()) acceptor.wake();
  }

  relocate(order: Extract<Order, { op: "destinations" }>): void {
    this.#backends.relocate(order.destinations);
  }

  checked({ place, result }: Extract<Order, { op: "checked" }>): void {
    const index = this.#backends.checked(place, result);
    if (index !== null) this.#service.forget(index);
  }

  drain(idle: IdleFate): void {
    for (const acceptor of this.#acceptors.values()) acceptor.close();
    this.#acceptors.clear();
    this.#isDraining = true;
    this.#service.drain(idle);
    this.#tellEmpty();
  }

  cut(): void {
    this.#cut(null);
  }

  #cut(localIp: string | null): void {
    for (const front of [...this.#fronts]) front.cutIf(localIp);
    this.#service.cut(localIp);
  }

  readonly #places: Places = {
    take: () => this.#open.take(this.#config.maxConnections),
    giveBack: () => this.#open.giveBack(),
    opened: () => {
      this.#open.opened();
      this.#clients++;
    },
    closed: () => {
      this.#open.closed();
      this.#clients--;
      if (this.#isFullTold && this.#open.count * 2 <= this.#config.maxConnections) this.#isFullTold = false;
      for (const acceptor of this.#acceptors.values()) acceptor.wake();
      this.#tellEmpty();
    },
  };

  #tellFull(): void {
    if (!this.#isFullTold) this.#post({ op: "full", id: this.#id });
    this.#isFullTold = true;
  }

  #tellEmpty(): void {
    if (this.#isDraining && this.#clients === 0) this.#post({ op: "empty", id: this.#id });
  }

  #accepted(flow: SocketFlow): void {
    this.#counters.countAccepted();
    if (!this.#config.acceptProxyProtocol) return this.#service.accepted(flow);
    const front = new ProxyFront(flow, {
      onAccepted: (named) => this.#service.accepted(named),
      onEnded: (ended) => void this.#fronts.delete(ended),
    });
    this.#fronts.add(front);
  }
}

function placed({ config, slots, destinations }: PostedBackends): {
  config: BalancerConfig;
  slots: PostedBackends["slots"];
  destinations: PostedBackends["destinations"];
} {
  return { config: unposted(config), slots, destinations };
}

/** Woken by the main thread, which has posted something. */
class WakeUp implements Watched {
  readonly fd: number;
  readonly tag: number;
  wasCalled = false;

  constructor(fd: number, loop: EventLoop) {
    this.fd = fd;
    this.tag = loop.newTag();
    loop.watch(this);
  }

  happened(): void {
    this.wasCalled = true;
  }
}

/** Owns the loop of a thread and every balancer in it. */
export class UserThread {
  readonly #post: (report: Report) => void;
  readonly #loop: EventLoop;
  readonly #wakeUp: WakeUp;
  readonly #served = new Map<number, Served>();
  #hasEnded = false;

  /** Throws SysError. */
  constructor({ now, post, wakeUpFd }: UserThreadOptions) {
    this.#post = post;
    this.#loop = new EventLoop({ now, onFault: (error) => this.#fault(null, error) });
    this.#wakeUp = new WakeUp(wakeUpFd, this.#loop);
    post({ op: "ready" });
  }

  /** Serves until the main thread has something to say (`orders`), or has ended it. */
  run(): "orders" | "ended" {
    while (!this.#hasEnded) {
      if (this.#wakeUp.wasCalled) {
        this.#wakeUp.wasCalled = false;
        return "orders";
      }
      this.#turn();
    }
    return "ended";
  }

  /** Owners' faults are caught nearer to them; whatever else there may be, the thread goes on. */
  #turn(): void {
    try {
      this.#loop.turn();
    } catch (error) {
      this.#fault(null, error);
    }
  }

  /** Does what the main thread wants. */
  take(order: Order): void {
    try {
      this.#take(order);
    } catch (error) {
      this.#fault("id" in order ? order.id : null, error);
    }
  }

  #take(order: Order): void {
    if (order.op === "end") return this.#end();
    if (order.op === "open") {
      this.#served.set(order.id, new Served(order, { loop: this.#loop, post: this.#post }));
      return;
    }
    const served = this.#served.get(order.id);
    if (served === undefined) {
      if (order.op === "listen") closeStream(order.fd);
      if (order.op === "yield") this.#post({ op: "yielded", id: order.id, fds: order.fds });
      return;
    }
    switch (order.op) {
      case "listen":
        return served.listen(order.fd);
      case "release":
        return served.release(order.ip, order.fds);
      case "yield":
        return served.yield(order.fds);
      case "update":
        return served.update(order.backends);
      case "destinations":
        return served.relocate(order);
      case "checked":
        return served.checked(order);
      case "drain":
        return served.drain(order.idle);
      case "cut":
        return served.cut();
      case "close":
        served.cut();
        this.#served.delete(order.id);
    }
  }

  #end(): void {
    this.#hasEnded = true;
    this.#loop.close();
    this.#post({ op: "ended" });
  }

  #fault(id: number | null, error: unknown): void {
    const reason = error instanceof Error ? `${error.name}: ${error.message} ${error.stack ?? ""}` : String(error);
    this.#post({ op: "fault", id, reason });
  }
}
