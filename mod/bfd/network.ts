/**
 * The sockets under the monitor. A receiver is shared by all paths of its family and kind: it is opened with the first of them and closed
 * with the last.
 */
import type { Random } from "../base/clock.ts";
import { BfdReceiver, BfdSender } from "../linux/bfd_socket.ts";
import { Errno, SysError } from "../linux/errno.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import type { BfdPath } from "./types.ts";

/** A packet from the network; the bytes are only valid during the call. */
export interface BfdDatagram {
  readonly bytes: Uint8Array;
  /** Canonical text. */
  readonly source: string;
  readonly destination: string;
  /** The link it came in by. */
  readonly linkIndex: number;
  /** It came to the port for multihop; only packets to the other one are known to be a neighbour's. */
  readonly multihop: boolean;
}

/** What packets of one path leave through. */
export interface BfdLine {
  /** Of the path's link; 0 if it has none. */
  readonly linkIndex: number;
  /** Gives `"sent"` or the name of the system's error. */
  send(packet: Uint8Array<ArrayBuffer>): "sent" | string;
  /** Idempotent. */
  close(): void;
}

/** Where the monitor sends to and receives from. */
export interface BfdNetwork {
  /** Who gets the packets; called once, before the first path is opened. */
  listen(onDatagram: (datagram: BfdDatagram) => void): void;
  /** Throws SysError if the sockets cannot be had. */
  open(path: BfdPath): BfdLine;
  /** Hands over now what has arrived and not been handed over yet. */
  drain(): void;
  /** Closes what is still open. Idempotent. */
  close(): void;
}

/** Drains of one receiver in {@link UdpBfdNetwork.drain}: a stall of the process may have left more than one holds. */
const CATCH_UP_TURNS = 16;

interface Shared {
  readonly receiver: BfdReceiver;
  readonly multihop: boolean;
  /** Null between the last path's end and the closing. */
  watch: Watch | null;
  users: number;
}

/** UDP, in the network namespace that is current when a path is opened. */
export class UdpBfdNetwork implements BfdNetwork {
  readonly #poller: Poller;
  readonly #random: Random;
  readonly #onError: (error: unknown) => void;
  readonly #shared = new Map<string, Shared>();
  #onDatagram: (datagram: BfdDatagram) => void = () => {};

  /** `random` chooses source ports; `onError` gets what closing a socket threw. */
  constructor(options: { poller: Poller; random: Random; onError: (error: unknown) => void }) {
    this.#poller = options.poller;
    this.#random = options.random;
    this.#onError = options.onError;
  }

  listen(onDatagram: (datagram: BfdDatagram) => void): void {
    this.#onDatagram = onDatagram;
  }

  open(path: BfdPath): BfdLine {
    const [local, remote] = [requireIp(path.localIp), requireIp(path.remoteIp)];
    if (local.family !== remote.family) {
      throw new SysError("watch with BFD", Errno.EAFNOSUPPORT, { subject: `${remote.text} from ${local.text}` });
    }
    const { interface: link, multihop } = path;
    const sender = new BfdSender({ local, remote, interface: link, multihop, random: this.#random });
    try {
      return this.#line(sender, this.#share(local.family, multihop));
    } catch (error) {
      sender.close();
      throw error;
    }
  }

  drain(): void {
    for (const shared of [...this.#shared.values()]) {
      for (let turn = 0; turn < CATCH_UP_TURNS && this.#read(shared) === "more"; turn++);
    }
  }

  close(): void {
    for (const { watch, receiver } of this.#shared.values()) {
      watch?.stop();
      receiver.close();
    }
    this.#shared.clear();
  }

  #line(sender: BfdSender, shared: Shared): BfdLine {
    let open = true;
    return {
      linkIndex: sender.linkIndex,
      send: (packet) => sender.send(packet),
      close: () => {
        if (!open) return;
        open = false;
        sender.close();
        this.#release(shared);
      },
    };
  }

  #share(family: 4 | 6, multihop: boolean): Shared {
    const key = `${family} ${multihop}`;
    const shared = this.#shared.get(key) ??
      { receiver: new BfdReceiver(family, multihop), multihop, watch: null, users: 0 };
    this.#shared.set(key, shared);
    shared.watch ??= this.#poller.watch(shared.receiver.fd, () => void this.#read(shared));
    shared.users++;
    return shared;
  }

  /** The kernel keeps a port for as long as a poll is parked on it: until then whoever needs the receiver again finds it here. */
  #release(shared: Shared): void {
    shared.users--;
    if (shared.users > 0) return;
    shared.watch?.stop();
    shared.watch = null;
    this.#poller.released().then(() => this.#closeUnused()).catch(this.#onError);
  }

  #closeUnused(): void {
    for (const [key, { users, receiver }] of this.#shared) {
      if (users > 0) continue;
      this.#shared.delete(key);
      receiver.close();
    }
  }

  #read({ receiver, multihop }: Shared): "drained" | "more" {
    return receiver.drain((bytes, arrival) => this.#onDatagram({ bytes, ...arrival, multihop }));
  }
}

function requireIp(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new SysError("parse IP address", Errno.EINVAL, { subject: text });
  return ip;
}
