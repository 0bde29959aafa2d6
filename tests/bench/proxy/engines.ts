/** Which engines an agent says it uses. */

import { askAgent } from "../../../mod/cli/control_client.ts";
import { parseClusterStatus } from "../../../mod/cli/status_schema.ts";
import type { NodeStatus } from "../../../mod/observe/status_types.ts";

/** What the agent with this state directory says about itself. Throws when it does not answer. */
export async function ownStatus(stateDir: string): Promise<NodeStatus> {
  const answer = await askAgent(stateDir, { method: "GET", path: "/status" });
  const parsed = parseClusterStatus(answer.outcome === "answered" ? answer.value : null);
  if (parsed.outcome === "invalid") throw new Error(`the agent in ${stateDir} gave no status: ${parsed.why}`);
  const [own] = parsed.status.nodes;
  if (own?.outcome !== "answered") throw new Error(`the agent in ${stateDir} does not know its own state`);
  return own.node;
}

/** The engine of each of its balancers. */
export async function enginesIn(stateDir: string): Promise<string[]> {
  return (await ownStatus(stateDir)).balancers.map(({ engine }) => engine);
}
