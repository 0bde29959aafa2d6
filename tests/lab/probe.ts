/**
 * A probe: a process of its own that asks every {@link PROBE_EVERY_MS} and writes down what comes back (the lines of `records.ts`).
 *
 *     probe.ts ping   <device> <ip4> <ip6> [<other ip4> <other ip6>]
 *     probe.ts sample <device> <ip4> <ip6>
 *
 * `ping` sends echo requests through the kernel, so that its neighbour table decides where they go; others whom it asks as well show when
 * everybody has to wait for the machine that all of this runs on. `sample` asks the whole link who
 * has the address and notes every machine that answers; it must run on another machine than `ping`, because its answers refresh
 * the neighbour table of the machine they arrive at. It ends when its standard input does.
 *
 * One thread, one `poll`: nothing else runs in this process that could delay it.
 */

import { libc } from "../../mod/linux/libc.ts";
import { closeFd } from "../../mod/linux/socket.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { Pinger } from "./pinger.ts";
import type { Heard, Probers } from "./prober.ts";
import { FAMILIES, type Family, formatEvent, OTHERS, PROBE_EVERY_MS } from "./records.ts";
import { Sampler } from "./sampler.ts";
import { sharedNow } from "./time.ts";

const POLLIN = 1;
const POLLFD_BYTES = 8;
const STDIN = 0;

/** Probers, and what is before their lines. */
interface Row {
  readonly probers: Probers;
  readonly prefix: string;
}

class Loop {
  readonly #rows: readonly Row[];
  readonly #set: Uint8Array<ArrayBuffer>;
  readonly #encoder = new TextEncoder();
  #pending = "";

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
    const fds = [STDIN, ...rows.flatMap(({ probers }) => [...probers.values()].map((prober) => prober.fd))];
    this.#set = new Uint8Array(fds.length * POLLFD_BYTES);
    const view = new DataView(this.#set.buffer);
    for (const [place, fd] of fds.entries()) {
      view.setInt32(place * POLLFD_BYTES, fd, true);
      view.setInt16(place * POLLFD_BYTES + 4, POLLIN, true);
    }
  }

  /** Until standard input ends. Requests keep to their schedule; those whose moment has passed twice are left out. */
  run(): void {
    let dueMs = sharedNow();
    for (let number = 0;; number++) {
      for (const row of this.#rows) for (const family of FAMILIES) this.#send(row, family, number);
      this.#flush();
      dueMs = Math.max(dueMs + PROBE_EVERY_MS, sharedNow() - PROBE_EVERY_MS);
      for (let left = dueMs - sharedNow(); left > 0; left = dueMs - sharedNow()) {
        libc.poll(this.#set, BigInt(this.#set.length / POLLFD_BYTES), Math.ceil(left));
        for (const row of this.#rows) for (const family of FAMILIES) this.#receive(row, family, number);
        if (this.#inputEnded()) return;
      }
    }
  }

  #send({ probers, prefix }: Row, family: Family, number: number): void {
    const atMs = sharedNow();
    probers.get(family)?.send(number);
    this.#pending += `${prefix}${formatEvent({ kind: "sent", family, number, atMs, mac: "" })}\n`;
  }

  #receive({ probers, prefix }: Row, family: Family, newest: number): void {
    const prober = probers.get(family);
    for (let heard = prober?.receive() ?? null; heard !== null; heard = prober?.receive() ?? null) {
      const number = numberOf(heard, newest, prober?.modulus ?? 1);
      const event = { kind: heard.kind, family, number, atMs: sharedNow(), mac: heard.mac };
      this.#pending += `${prefix}${formatEvent(event)}\n`;
    }
  }

  #inputEnded(): boolean {
    return new DataView(this.#set.buffer).getInt16(6, true) !== 0;
  }

  #flush(): void {
    let bytes = this.#encoder.encode(this.#pending);
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    this.#pending = "";
  }
}

/** The newest request that has these low bits; a claim belongs to none. */
function numberOf(heard: Heard, newest: number, modulus: number): number {
  if (heard.kind === "claim") return 0;
  return newest - ((newest - heard.low) % modulus + modulus) % modulus;
}

type Targets = Readonly<Record<Family, string>>;

function pingers(targets: Targets, nth: number): Probers {
  return new Map(FAMILIES.map((family) => [family, new Pinger(family, targets[family], nth)]));
}

function open(kind: string, device: string, targets: Targets): Probers {
  if (kind === "ping") return pingers(targets, 0);
  const routes = new RouteSocket();
  const link = routes.linkByName(device);
  routes.close();
  if (kind !== "sample" || link === null) throw new Error(`no probe "${kind}" on "${device}"`);
  return new Map(FAMILIES.map((family) => [family, new Sampler(family, link, targets[family])]));
}

if (import.meta.main) {
  const [kind = "", device = "", ip4 = "", ip6 = "", other4, other6] = Deno.args;
  const rows: Row[] = [{ probers: open(kind, device, { 4: ip4, 6: ip6 }), prefix: "" }];
  if (other4 !== undefined && other6 !== undefined) {
    rows.push({ probers: pingers({ 4: other4, 6: other6 }, 1), prefix: OTHERS });
  }
  new Loop(rows).run();
  for (const { probers } of rows) for (const prober of probers.values()) closeFd(prober.fd);
}
