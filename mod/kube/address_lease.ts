/** Names of the Leases that say who holds an address. Pure. */
import { parseIp } from "../net/ip.ts";

/**
 * The Lease that says who holds an address: `kube-vip-192.168.0.40`, `kube-vip-fd00--40`. The names of objects have no colons and end
 * in a letter or digit (RFC 1123), so `fd00::` is written as `fd00::0`.
 */
export function addressLeaseName(address: string): string {
  const text = parseIp(address)?.text ?? address;
  return `kube-vip-${text.replaceAll(":", "-").replace(/-$/, "-0")}`;
}
