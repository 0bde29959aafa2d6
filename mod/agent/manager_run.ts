/** Runs the agent of `manager` on this machine. */

import type { ManagerConfig } from "../config/manager/types.ts";
import type { Effective } from "../config/types.ts";
import { getLog } from "../observe/log.ts";

/** Runs until it is told to stop; gives the exit status. */
export function runManagerAgent(
  config: ManagerConfig,
  effective: readonly Effective[],
  version: string,
): Promise<number> {
  getLog("manager").error("No agent for this configuration", {
    node: config.nodeName,
    settings: effective.length,
    version,
  });
  return Promise.resolve(1);
}
