/** Whether the kernel does all that a balancer asks for. Pure. */
import type { TcpBalancerConfig, UdpBalancerConfig } from "../../config/types.ts";
import { isLoopback } from "../../config/engines.ts";
import { type Ip, parseIp } from "../../net/ip.ts";

/** What of this machine the choice depends on. */
export interface Ground {
  /** Every virtual address of the configuration. */
  readonly vips: readonly string[];
  readonly isLocal: (ip: string) => boolean;
  readonly forwards: (family: 4 | 6) => boolean;
}

/**
 * Why a balancer whose engine may be chosen stays in user space although the kernel could carry its packets: something about it would be
 * different for its users. null: nothing would.
 */
export function whyListen(config: TcpBalancerConfig | UdpBalancerConfig, ground: Ground): string | null {
  const [first] = config.listenOnly;
  if (first !== undefined) return `the kernel has nothing like ${first}`;
  if (config.health === null) return "without health checks the kernel would not notice a dead backend";
  if (!config.bindToVip) {
    return "without bindToVip it is reached at 127.0.0.1 as well, which the kernel would not balance";
  }
  const backends = config.backends.map(({ address }) => parseIp(address)).filter((ip) => ip !== null);
  if (backends.some(isLoopback)) return "the kernel cannot reach backends at loopback addresses";
  for (const vip of ground.vips.map(parseIp)) {
    if (vip !== null && !backends.some(({ family }) => family === vip.family)) {
      return `no backend has an IPv${vip.family} address, and the kernel does not translate between families`;
    }
  }
  const family = missingForwarding(backends, ground);
  return family === null
    ? null
    : `this machine does not forward IPv${family}, and only engine kernel by name turns that on`;
}

/** The families in which backends on other machines are reached by forwarding. */
export function forwardedFamilies(
  config: TcpBalancerConfig | UdpBalancerConfig,
  isLocal: (ip: string) => boolean,
): (4 | 6)[] {
  return remoteFamilies(config.backends.map(({ address }) => address), isLocal);
}

/** The families of those addresses that are other machines'. */
export function remoteFamilies(addresses: readonly string[], isLocal: (ip: string) => boolean): (4 | 6)[] {
  const remote = addresses.map(parseIp).filter((ip) => ip !== null)
    .filter((ip) => !isLocal(ip.text) && !isLoopback(ip));
  return [...new Set(remote.map(({ family }) => family))].sort();
}

function missingForwarding(backends: readonly Ip[], { isLocal, forwards }: Ground): 4 | 6 | null {
  const remote = backends.filter((ip) => !isLocal(ip.text));
  return remote.find(({ family }) => !forwards(family))?.family ?? null;
}
