/** What the tests of these servers share. */

import { Network } from "../lab/network.ts";
import { station } from "../lab/plan.ts";
import type { ProgramPaths } from "./build.ts";
import { ApiServerCluster } from "./cluster.ts";

/** So many nodes with API servers, and nothing else in the laboratory. */
export async function withCluster(
  paths: ProgramPaths,
  nodes: number,
  use: (cluster: ApiServerCluster) => Promise<void>,
): Promise<void> {
  const network = Network.create();
  try {
    const machines = Array.from(
      { length: nodes },
      (_, index) => network.connect(station(`node${index + 1}`, index + 1)),
    );
    await ApiServerCluster.with({ paths, machines }, use);
  } finally {
    network.close();
  }
}
