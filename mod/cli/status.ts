/** `kube-vip status`: who leads, who holds each address, and how the backends are. */

import type { Command } from "@kube-vip/cli";
import { printable } from "../config/findings.ts";
import { type Context, fail } from "./context.ts";
import { askAgent, refusalOf } from "./control_client.ts";
import { addAgentFlags, agentStateDir } from "./state_dir.ts";

/** Adds `status`. */
export function addStatus(program: Command, context: Context): void {
  const command = program.command("status")
    .description("Show this node and its peers: who leads, who holds each VIP, since when, which backends are up")
    .option("--json", "Print the agent's answer as JSON");
  addAgentFlags(command);
  command.action((options: Readonly<Record<string, unknown>>) => status(options, context));
}

/** The schema and the table, 11 kB that an agent would keep in memory, are loaded when they are wanted. */
async function status(options: Readonly<Record<string, unknown>>, context: Context): Promise<void> {
  const stateDir = agentStateDir(options, context);
  if (stateDir === null) return;
  const answer = await askAgent(stateDir, { method: "GET", path: "/status" });
  if (answer.outcome === "failed") return fail(context, answer.why);
  if (answer.status !== 200) return fail(context, `The agent refused: ${printable(refusalOf(answer))}`);
  const { parseClusterStatus } = await import("./status_schema.ts");
  const parsed = parseClusterStatus(answer.value);
  if (parsed.outcome === "invalid") {
    return fail(context, `The agent's answer is not understood (${printable(parsed.why)}); is it of another version?`);
  }
  const json = options["json"] === true;
  const { statusTable } = await import("./status_table.ts");
  context.terminal.out(json ? `${JSON.stringify(parsed.status, null, 2)}\n` : statusTable(parsed.status));
}
