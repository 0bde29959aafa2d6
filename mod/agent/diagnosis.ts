/** What the facts about a machine mean for whoever wants to run this program on it. Pure. */
import { forwardedFamilies } from "../balance/kernel/choice.ts";
import type { BalancerConfig, PeersConfig } from "../config/types.ts";

/** What was tried; null: it works, otherwise why not. */
export type Trial = string | null;

/** Capabilities by their bit (linux/capability.h). */
export const Capability = { NET_BIND_SERVICE: 10, NET_ADMIN: 12, NET_RAW: 13, SYS_NICE: 23 } as const;

/** What was found out about this machine. */
export interface MachineFacts {
  /** `6.1.0-18-arm64`. */
  readonly kernel: string;
  /** Bits of the capabilities that this process has. */
  readonly capabilities: bigint;
  /** The guard by which the kernel itself ends a hold. */
  readonly guard: Trial;
  /** nftables tables that balance. */
  readonly kernelEngine: Trial;
  /** epoll and sockets of the system's own. */
  readonly userEngine: Trial;
  readonly fileLimit: { readonly soft: number; readonly hard: number };
  /** By family; null where the kernel has no such setting. */
  readonly forwarding: { readonly 4: string | null; readonly 6: string | null };
  /** Most connections that the kernel keeps track of; null: it tracks none yet. */
  readonly trackedConnections: number | null;
  /** Canonical text of every address of this machine. */
  readonly addresses: readonly string[];
  /** Why the addresses of the configuration do not fit this machine, one line each. */
  readonly misfits: readonly string[];
}

/** One line of the doctor's. `fault`: something that is asked for does not work; `note`: something to know. */
export interface Diagnosis {
  readonly verdict: "fine" | "note" | "fault";
  readonly subject: string;
  readonly text: string;
}

/** Below it a balancer with the default `maxConnections` (two descriptors each) runs out. */
const FILES_WANTED = 20_100;
const FAMILIES = [4, 6] as const;
const FORWARDING = { 4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding" } as const;

/** Everything there is to say; `config` null: about a machine that has none yet. */
export function diagnose(facts: MachineFacts, config: PeersConfig | null): Diagnosis[] {
  const balancers = config?.balancers ?? [];
  return [
    { verdict: "fine", subject: "kernel", text: facts.kernel },
    ...rights(facts, config),
    guard(facts, config),
    ...facts.misfits.map((text): Diagnosis => ({ verdict: "fault", subject: "configuration", text })),
    engine("engine kernel", facts.kernelEngine, balancers.some((one) => one.engine === "kernel")),
    engine("engine user", facts.userEngine, balancers.some((one) => one.engine === "user")),
    files(facts),
    ...sysctls(facts, balancers),
  ];
}

function rights({ capabilities }: MachineFacts, config: PeersConfig | null): Diagnosis[] {
  const has = (bit: number): boolean => (capabilities >> BigInt(bit) & 1n) === 1n;
  const holds = config?.disableVip !== true;
  const bindsLow = config?.balancers.some(({ port }) => port < 1024) ?? false;
  const wanted: readonly [keyof typeof Capability, boolean, string][] = [
    ["NET_ADMIN", holds, "adds addresses and guards them"],
    ["NET_RAW", holds, "announces addresses (ARP, neighbour discovery)"],
    ["NET_BIND_SERVICE", bindsLow, "listens on ports below 1024"],
    ["SYS_NICE", false, "runs the election before ordinary work, so that load does not delay it"],
  ];
  return wanted.map(([name, needed, purpose]): Diagnosis => {
    const subject = `CAP_${name}`;
    if (has(Capability[name])) return { verdict: "fine", subject, text: `there: ${purpose}` };
    return { verdict: needed ? "fault" : "note", subject, text: `missing: ${purpose}; run as root, or grant it` };
  });
}

function guard({ guard }: MachineFacts, config: PeersConfig | null): Diagnosis {
  const subject = "kernel ends the hold";
  if (guard === null) {
    return { verdict: "fine", subject, text: "an address falls silent by itself when nobody renews its permission" };
  }
  const text = `no guard (${guard}); addresses end by their lifetime alone, in whole seconds`;
  return { verdict: config?.disableVip === true ? "note" : "fault", subject, text };
}

function engine(subject: string, trial: Trial, isNamed: boolean): Diagnosis {
  if (trial === null) return { verdict: "fine", subject, text: "works" };
  return { verdict: isNamed ? "fault" : "note", subject, text: `does not work here: ${trial}` };
}

function files({ fileLimit: { soft, hard } }: MachineFacts): Diagnosis {
  const subject = "open files";
  if (hard >= FILES_WANTED) return { verdict: "fine", subject, text: `${soft}, raised to ${hard} at start` };
  const text = `at most ${hard}: a load balancer needs two for each connection; raise the hard limit (LimitNOFILE)`;
  return { verdict: "note", subject, text };
}

function sysctls(facts: MachineFacts, balancers: readonly BalancerConfig[]): Diagnosis[] {
  const local = new Set(facts.addresses);
  const byKernel = balancers.flatMap((one) => one.type !== "http" && one.engine === "kernel" ? [one] : []);
  const forwarded = new Set(byKernel.flatMap((one) => forwardedFamilies(one, (ip) => local.has(ip))));
  return [
    ...FAMILIES.map((family) => forwarding(family, facts.forwarding[family], forwarded.has(family))),
    tracking(facts.trackedConnections),
  ];
}

function forwarding(family: 4 | 6, value: string | null, isNeeded: boolean): Diagnosis {
  const subject = FORWARDING[family];
  if (value === null) return { verdict: isNeeded ? "fault" : "note", subject, text: `there is no IPv${family} here` };
  if (value === "1") return { verdict: "fine", subject, text: "1: engine kernel can reach backends on other machines" };
  const text = isNeeded
    ? `${value}: a load balancer of engine kernel sets it to 1 while it runs, and gives it back`
    : `${value}: set to 1 by a load balancer that names engine kernel, while it runs; engine auto leaves it and takes another engine`;
  return { verdict: "note", subject, text };
}

function tracking(most: number | null): Diagnosis {
  const subject = "net.netfilter.nf_conntrack_max";
  const text = most === null
    ? "the kernel tracks no connections yet; engine kernel makes it begin"
    : `${most}: so many connections engine kernel can carry at a time, with those of everybody else`;
  return { verdict: "fine", subject, text };
}
