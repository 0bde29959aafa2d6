/** `deno task bench failover | cluster | proxy | footprint`: prints what was measured, as it is. */

import { benchCluster } from "./cluster.ts";
import { benchFailover } from "./failover.ts";
import { benchFootprint } from "./footprint.ts";
import { benchProxy } from "./proxy/main.ts";
import { PROXY_USAGE } from "./proxy/options.ts";
import { machine, print } from "./report.ts";

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  failover: benchFailover,
  cluster: benchCluster,
  proxy: benchProxy,
  footprint: benchFootprint,
};

const USAGE = `deno task bench failover [--runs 10] [--daemons default,fast,keepalived] [--faults "link cut,SIGKILL"]
deno task bench cluster [--runs 3] [--elections 15/10/2,5/3/1,peers]
${PROXY_USAGE}
deno task bench footprint [--seconds 20]
All need root, and keepalived, haproxy, nginx, iperf3 and wrk where they appear.`;

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const bench = BENCHES[name];
  if (bench === undefined) {
    print(USAGE);
    return 2;
  }
  print(`On ${machine()}.`);
  print();
  await bench(args);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
