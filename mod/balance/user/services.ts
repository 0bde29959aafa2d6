/** Which service a balancer gets. */
import { AssertionError } from "../../base/assert.ts";
import type { BalancerConfig } from "../../config/types.ts";
import { HttpService } from "./http_service.ts";
import { TcpService } from "./tcp_service.ts";
import type { Service, ServiceContext } from "./types.ts";

/** The service of one balancer in one thread, by its type. */
export function makeService({ config, loop, backends }: ServiceContext<BalancerConfig>): Service {
  if (config.type === "http") return new HttpService({ config, loop, backends });
  if (config.type === "tcp") return new TcpService({ config, loop, backends });
  throw new AssertionError("datagrams are balanced by the kernel");
}
