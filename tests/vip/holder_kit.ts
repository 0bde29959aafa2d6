import { Holder, type HolderOptions } from "../../mod/vip/holder.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeAnnouncer, FakeKernel } from "../fakes/kernel.ts";

export const V4 = "10.0.0.9";
export const V6 = "fd00::9";
export const STRANGER = "02:00:00:00:00:99";

export interface Bench {
  clock: VirtualClock;
  kernel: FakeKernel;
  announcer: FakeAnnouncer;
  holder: Holder;
  heard: string[];
  /** Take-overs that are done. */
  announced: string[];
}

/** A holder on a kernel in memory, not started. */
export function bench(change: Partial<HolderOptions> = {}): Bench {
  const clock = new VirtualClock();
  const kernel = new FakeKernel(clock);
  const announcer = new FakeAnnouncer();
  const heard: string[] = [];
  const announced: string[] = [];
  const holder = new Holder({
    vips: [{ ip: V4, prefixLength: 32, linkName: "eth0" }, { ip: V6, prefixLength: 128, linkName: "eth0" }],
    book: kernel,
    permission: kernel,
    announcer,
    announceEveryMs: 3000,
    clock,
    listener: {
      held: (ip) => void heard.push(`held ${ip}`),
      preserved: (ip) => void heard.push(`preserved ${ip}`),
      resumed: (ip) => void heard.push(`resumed ${ip}`),
      announced: (ip, takeoverMs) => void announced.push(`${ip} after ${takeoverMs} ms`),
      released: (ip) => void heard.push(`released ${ip} ${kernel.answers(ip) ? "answering" : "silent"}`),
    },
    elsewhere: () => ({ atMs: null, graceMs: 200 }),
    ...change,
  });
  return { clock, kernel, announcer, holder, heard, announced };
}

/** A grant from now on. */
export function grant(
  clock: VirtualClock,
  leaseMs = 200,
  ip = V4,
): { scope: string; epoch: number; validUntil: number } {
  return { scope: ip, epoch: 1, validUntil: clock.now() + leaseMs };
}
