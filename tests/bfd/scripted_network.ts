import type { BfdDatagram, BfdLine, BfdNetwork } from "../../mod/bfd/network.ts";
import type { BfdPath } from "../../mod/bfd/types.ts";
import { type BfdPacket, decodeBfd, encodeBfd } from "../../mod/net/bfd.ts";

/** A line of a {@link ScriptedNetwork}, with what was sent through it. */
export interface ScriptedLine extends BfdLine {
  readonly path: BfdPath;
  readonly sent: BfdPacket[];
  open: boolean;
}

/** A network whose other end is the test. */
export class ScriptedNetwork implements BfdNetwork {
  readonly lines: ScriptedLine[] = [];
  /** Link indices by name. */
  readonly links: Record<string, number> = { eth0: 7, eth1: 8 };
  /** What sending gives. */
  result = "sent";
  /** What opening throws; null: it works. */
  refuses: Error | null = null;
  closed = false;
  readonly #queue: BfdDatagram[] = [];
  #onDatagram: (datagram: BfdDatagram) => void = () => {};

  listen(onDatagram: (datagram: BfdDatagram) => void): void {
    this.#onDatagram = onDatagram;
  }

  open(path: BfdPath): BfdLine {
    if (this.refuses !== null) throw this.refuses;
    const line: ScriptedLine = {
      path,
      sent: [],
      open: true,
      linkIndex: path.interface === null ? 0 : this.links[path.interface] ?? 0,
      send: (bytes) => {
        line.sent.push(decodeBfd(bytes));
        return this.result;
      },
      close: () => void (line.open = false),
    };
    this.lines.push(line);
    return line;
  }

  /** Something arrives and is left in the queue: the process is not looking. */
  queue(packet: BfdPacket | Uint8Array, datagram: Omit<BfdDatagram, "bytes">): void {
    this.#queue.push({ ...datagram, bytes: packet instanceof Uint8Array ? packet : encodeBfd(packet) });
  }

  /** Something arrives. */
  deliver(packet: BfdPacket | Uint8Array, datagram: Omit<BfdDatagram, "bytes">): void {
    this.queue(packet, datagram);
    this.drain();
  }

  drain(): void {
    for (const datagram of this.#queue.splice(0)) this.#onDatagram(datagram);
  }

  close(): void {
    this.closed = true;
  }
}
