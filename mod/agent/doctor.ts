/** Finds out what this machine can do, without touching what runs on it: trials happen in a network namespace of their own. */
import { checkHost } from "../config/host_check.ts";
import { formatProblem } from "../config/findings.ts";
import type { PeersConfig } from "../config/types.ts";
import { KernelTable } from "../balance/kernel/kernel_table.ts";
import { fileLimit } from "../linux/limits.ts";
import { Namespace } from "../linux/namespace.ts";
import { NftSocket } from "../linux/nft_socket.ts";
import { readProcFile } from "../linux/proc_file.ts";
import { RouteSocket } from "../linux/rtnetlink.ts";
import { Epoll } from "../linux/epoll.ts";
import { readSysctl } from "../linux/sysctl.ts";
import { ForwardingKey } from "../linux/sysctl_keeper.ts";
import { systemClock } from "../runtime/clock.ts";
import { isOurs } from "../vip/address.ts";
import { NetlinkAddressBook } from "../vip/netlink_book.ts";
import { NftPermission } from "../vip/nft_permission.ts";
import { diagnose, type Diagnosis, type MachineFacts, type Trial } from "./diagnosis.ts";

/** Looks at everything; `config` null: at what any configuration may need. */
export function examine(config: PeersConfig | null): Diagnosis[] {
  return diagnose(machineFacts(config), config);
}

function machineFacts(config: PeersConfig | null): MachineFacts {
  const { addresses, misfits } = hostFacts(config);
  return {
    kernel: readProcFile("/proc/sys/kernel/osrelease") ?? "unknown",
    capabilities: capabilitiesOf(readProcFile("/proc/thread-self/status") ?? ""),
    guard: apart(tryGuard),
    kernelEngine: apart(tryTable),
    userEngine: tried(() => new Epoll().close()),
    fileLimit: fileLimit(),
    forwarding: { 4: readSysctl(ForwardingKey.ipv4), 6: readSysctl(ForwardingKey.ipv6) },
    trackedConnections: numberOf(readSysctl(["netfilter", "nf_conntrack_max"])),
    addresses,
    misfits,
  };
}

/** The bits of `CapEff` in a status file of /proc. */
export function capabilitiesOf(status: string): bigint {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  return match?.[1] === undefined ? 0n : BigInt(`0x${match[1]}`);
}

function hostFacts(config: PeersConfig | null): Pick<MachineFacts, "addresses" | "misfits"> {
  const routes = new RouteSocket();
  try {
    const book = new NetlinkAddressBook(routes);
    const addresses = book.addresses();
    const found = addresses.map(({ ip }) => ip);
    if (config === null || config.disableVip) return { addresses: found, misfits: [] };
    const result = checkHost(config, { links: book.links(), addresses, isOurs });
    const problems = result.outcome === "unfit" ? result.problems : [];
    return { addresses: found, misfits: problems.map((problem) => formatProblem(problem, null)) };
  } finally {
    routes.close();
  }
}

/** A running agent has tables of the names that a trial needs, so trials have tables of nobody around them. */
function apart(trial: () => void): Trial {
  let namespace: Namespace;
  try {
    namespace = Namespace.create();
  } catch (error) {
    return `cannot be tried without the right to make a network namespace (${reasonOf(error)})`;
  }
  try {
    return tried(() => namespace.run(trial));
  } finally {
    namespace.close();
  }
}

function tried(trial: () => void): Trial {
  try {
    trial();
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

function tryGuard(): void {
  const socket = new NftSocket();
  try {
    const permission = new NftPermission(socket, systemClock);
    permission.install([{ ip: "192.0.2.1", linkName: "lo" }, { ip: "2001:db8::1", linkName: "lo" }]);
    permission.uninstall();
  } finally {
    socket.close();
  }
}

function tryTable(): void {
  const table = new KernelTable({ open: () => new NftSocket(), clock: systemClock });
  try {
    const probe = table.probe();
    if (probe.outcome === "lacking") throw new Error(probe.why);
  } finally {
    table.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
