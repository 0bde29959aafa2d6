import type { Daemon, Launch, Place } from "../lab/daemon.ts";
import { keepalivedConfig } from "../lab/plan.ts";

/** keepalived as the program of the nodes: VRRPv3, one instance for each family, nobody preempted. */
export class Keepalived implements Daemon {
  readonly name: string;
  readonly leavesAddresses = true;
  readonly #advertSeconds: number;

  constructor(advertSeconds: number) {
    this.name = `keepalived, advert ${advertSeconds} s`;
    this.#advertSeconds = advertSeconds;
  }

  prepare({ local, nodes, directory }: Place): Launch {
    const path = `${directory}/keepalived.conf`;
    Deno.writeTextFileSync(path, keepalivedConfig(local, nodes, this.#advertSeconds));
    const pidFiles = ["-p", `${directory}/keepalived.pid`, "-r", `${directory}/vrrp.pid`];
    return { argv: ["keepalived", "-n", "-l", "-D", "-P", "-f", path, ...pidFiles], env: {} };
  }

  /** It has no way to say so; whoever measures waits for steady service instead. */
  isReady(): Promise<boolean> {
    return Promise.resolve(true);
  }
}
