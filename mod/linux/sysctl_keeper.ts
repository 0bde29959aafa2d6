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

/** What the kernel sets anew whenever forwarding as a whole is switched: redirects, and the switch of each link. */
const SWITCHED = {
  4: (
    links: readonly string[],
  ): SysctlKey[] => [["ipv4", "conf", "all", "accept_redirects"], ...ofLinks("ipv4", links)],
  6: (links: readonly string[]): SysctlKey[] => ofLinks("ipv6", links),
} as const;

function ofLinks(family: "ipv4" | "ipv6", links: readonly string[]): SysctlKey[] {
  return ["default", ...links].map((link) => [family, "conf", link, "forwarding"]);
}

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
  /** What the kernel changed together with a setting, by the change of that. */
  readonly #alongside = new Map<SysctlChange, readonly SysctlChange[]>();

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
   * Switches forwarding on. What the kernel sets anew with that, on all `links`, is as it was before once forwarding is given back: with it
   * off again a machine would take redirects that was told to take none.
   *
   * A machine that forwards IPv6 forgets the default routes it has heard of on links that hear router advertisements only as a host (accept_ra
   * 1), so those are set to hear them in any case first.
   */
  ensureForwarding(family: 4 | 6, links: readonly string[]): SysctlOutcome[] {
    const key = family === 4 ? ForwardingKey.ipv4 : ForwardingKey.ipv6;
    if (readSysctl(key) === "1") return [{ outcome: "already" }];
    const hosts = family === 4
      ? []
      : links.map(ForwardingKey.routerAdvertisements).filter((one) => readSysctl(one) === "1");
    const hearing = hosts.map((one) => this.ensure(one, "2"));
    const before = SWITCHED[family](links).map((one) => ({ key: one, before: readSysctl(one) }));
    const outcome = this.ensure(key, "1");
    if (outcome.outcome === "changed") this.#alongside.set(outcome.change, before.flatMap(changed));
    return [...hearing, outcome];
  }

  /** What this keeper has changed and not given back. */
  get changes(): readonly SysctlChange[] {
    return this.#changes;
  }

  /**
   * Gives back what it changed, the last first; gives what it did. A setting that has been changed by somebody else since, or whose link
   * is gone, stays as it is. `isDue`: others are kept. @default all
   */
  restore(isDue: (key: SysctlKey) => boolean = () => true): SysctlChange[] {
    const due = this.#changes.filter(({ key }) => isDue(key)).reverse();
    const restored: SysctlChange[] = [];
    for (const change of due) {
      const { key, before, after } = change;
      this.#changes.splice(this.#changes.indexOf(change), 1);
      const alongside = (this.#alongside.get(change) ?? []).map((one) => ({ ...one, now: readSysctl(one.key) }));
      this.#alongside.delete(change);
      if (readSysctl(key) !== after || writeSysctl(key, before) !== "written") continue;
      for (const one of alongside) giveBack(one);
      restored.push({ key, before: after, after: before });
    }
    return restored;
  }
}

/** How a setting is now that the kernel may have changed it; none for one that is not there. */
function changed({ key, before }: { readonly key: SysctlKey; readonly before: string | null }): SysctlChange[] {
  const after = readSysctl(key);
  return before === null || after === null ? [] : [{ key, before, after }];
}

/** `now`: what it was until a moment ago, which counts where somebody else has set it meanwhile. */
function giveBack({ key, before, after, now }: SysctlChange & { readonly now: string | null }): void {
  const wanted = now === null || now === after ? before : now;
  if (readSysctl(key) !== wanted) writeSysctl(key, wanted);
}
