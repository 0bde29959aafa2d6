/**
 * Kernel settings that this program needs while it runs: changed only where they differ, told, and given back at the end. All of it
 * happens in the network namespace the calling thread is in.
 */
import { readSysctl, type SysctlKey, writeSysctl } from "./sysctl.ts";

/** The settings that forwarding and address translation go by. */
export const ForwardingKey = {
  ipv4: ["ipv4", "ip_forward"],
  ipv6: ["ipv6", "conf", "all", "forwarding"],
  /** Counts packets and bytes of each connection that begins from then on. */
  accounting: ["netfilter", "nf_conntrack_acct"],
  /** Lets packets that come in by `link` be sent to 127.0.0.0/8; opens what listens there to the neighbours on that link. */
  routeLocalnet: (link: string): SysctlKey => ["ipv4", "conf", link, "route_localnet"],
  /** 1: router advertisements are heard while the machine does not forward; 2: in any case. */
  routerAdvertisements: (link: string): SysctlKey => ["ipv6", "conf", link, "accept_ra"],
} as const;

/** A setting that was changed, for the log. */
export interface SysctlChange {
  readonly key: SysctlKey;
  readonly before: string;
  readonly after: string;
}

/** How a setting came to be as it is needed, or why it is not. */
export type SysctlOutcome =
  | { readonly outcome: "already" }
  | { readonly outcome: "changed"; readonly change: SysctlChange }
  /** The kernel has no such setting: too old, or without what it belongs to. */
  | { readonly outcome: "absent"; readonly key: SysctlKey; readonly wanted: string }
  /** This process may not change it; somebody who may has to set it. */
  | { readonly outcome: "refused"; readonly key: SysctlKey; readonly is: string; readonly wanted: string };

/** A setting as `sysctl` writes it: `net.ipv4.ip_forward`. Dots in link names become slashes, as it takes them. */
export function sysctlName(key: SysctlKey): string {
  return ["net", ...key.map((segment) => segment.replaceAll(".", "/"))].join(".");
}

/** Remembers what was changed. Whoever made it calls {@link restore}. */
export class SysctlKeeper {
  readonly #changes: SysctlChange[] = [];

  /** Sees to it that the setting has the value. Throws SysError for a value the kernel does not take. */
  ensure(key: SysctlKey, value: string): SysctlOutcome {
    const before = readSysctl(key);
    if (before === null) return { outcome: "absent", key, wanted: value };
    if (before === value) return { outcome: "already" };
    const written = writeSysctl(key, value);
    if (written === "absent") return { outcome: "absent", key, wanted: value };
    if (written === "refused") return { outcome: "refused", key, is: before, wanted: value };
    const change = { key, before, after: value };
    this.#changes.push(change);
    return { outcome: "changed", change };
  }

  /**
   * Switches forwarding of IPv6 on. A machine that forwards forgets the default routes it has heard of on links that hear router
   * advertisements only as a host (accept_ra 1), so those among `links` are set to hear them in any case first.
   */
  ensureIpv6Forwarding(links: readonly string[]): SysctlOutcome[] {
    if (readSysctl(ForwardingKey.ipv6) === "1") return [{ outcome: "already" }];
    const hosts = links.map(ForwardingKey.routerAdvertisements).filter((key) => readSysctl(key) === "1");
    return [...hosts.map((key) => this.ensure(key, "2")), this.ensure(ForwardingKey.ipv6, "1")];
  }

  /** What this keeper has changed and not given back. */
  get changes(): readonly SysctlChange[] {
    return this.#changes;
  }

  /**
   * Gives back what it changed, the last first; gives what it did. A setting that has been changed by somebody else since, or whose link
   * is gone, stays as it is.
   */
  restore(): SysctlChange[] {
    const restored: SysctlChange[] = [];
    for (const { key, before, after } of this.#changes.splice(0).reverse()) {
      if (readSysctl(key) !== after || writeSysctl(key, before) !== "written") continue;
      restored.push({ key, before: after, after: before });
    }
    return restored;
  }
}
