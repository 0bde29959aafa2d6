import type { KernelEngineOptions } from "../balance/kernel/kernel_engine.ts";
import { KernelEngine } from "../balance/kernel/kernel_engine.ts";
import type { ConnectionTools } from "../balance/kernel/connections.ts";
import type { Clock } from "../base/clock.ts";
import { ConntrackList } from "../linux/conntrack_list.ts";
import { ConntrackSocket } from "../linux/conntrack_socket.ts";
import { SysError } from "../linux/errno.ts";
import { NftSocket } from "../linux/nft_socket.ts";
import { pause } from "../linux/pause.ts";
import { RawIpSocket } from "../linux/raw_ip_socket.ts";
import { readSysctl } from "../linux/sysctl.ts";
import { SysctlKeeper } from "../linux/sysctl_keeper.ts";

/** What of the host the engine is told: see {@link KernelEngineOptions}. */
export type BalanceHost = Pick<KernelEngineOptions, "vips" | "linkNames" | "localAddresses">;

/** The kernel engine on this machine's kernel. The caller closes it. */
export function kernelEngineOf(host: BalanceHost, clock: Clock): KernelEngine {
  return new KernelEngine({
    ...host,
    clock,
    openTables: () => new NftSocket(),
    openTools: () => connectionTools(clock, host.localAddresses),
    sysctls: { read: readSysctl, keeper: new SysctlKeeper() },
  });
}

/** Throws SysError. */
export function connectionTools(clock: Clock, localAddresses: () => readonly string[]): ConnectionTools {
  return {
    list: new ConntrackList(),
    slices: new ConntrackSocket(),
    raw: rawSocket(),
    clock,
    pause,
    localAddresses,
  };
}

/** Without CAP_NET_RAW clients that wait notice the end of their connection when they send. */
function rawSocket(): RawIpSocket | null {
  try {
    return new RawIpSocket();
  } catch (error) {
    if (error instanceof SysError) return null;
    throw error;
  }
}
