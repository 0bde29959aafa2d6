/** Services for the tests of the kernel engine's table. */
import type { KernelService } from "../../../mod/balance/kernel/types.ts";

/** Port 80 of a held address of each family, three backends. */
export const WEB: KernelService = {
  protocol: "tcp",
  port: 80,
  vips: ["10.0.0.9", "fd00::9"],
  affinity: "none",
  preserveClientAddress: false,
  backends: [
    { address: "10.0.0.1", port: 8080, weight: 3, usable: true },
    { address: "10.0.0.2", port: 8080, weight: 1, usable: true },
    { address: "fd00::1", port: 8080, weight: 1, usable: true },
  ],
};

/** Port 53 of every address, by the client's address. */
export const NAMES: KernelService = { ...WEB, protocol: "udp", port: 53, vips: null, affinity: "source" };

/** The service with one of its backends out of use. */
export function without(service: KernelService, index: number): KernelService {
  return { ...service, backends: service.backends.map((one, at) => at === index ? { ...one, usable: false } : one) };
}
