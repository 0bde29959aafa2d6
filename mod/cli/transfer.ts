/** `kube-vip transfer`: hands leadership, and with it the addresses, to another member. */

import type { Command } from "@kube-vip/cli";
import { printable } from "../config/findings.ts";
import { type Context, fail } from "./context.ts";
import { askAgent, refusalOf } from "./control_client.ts";
import { addAgentFlags, agentStateDir } from "./state_dir.ts";

/** Adds `transfer` and, in the words of the documentation, `leader transfer`. */
export function addTransfer(program: Command, context: Context): void {
  addTransferTo(program, context);
  addTransferTo(program.command("leader").description("Commands about leadership"), context);
}

function addTransferTo(parent: Command, context: Context): void {
  const command = parent.command("transfer")
    .description("Hand leadership over without a gap that clients notice")
    .argument("[member]", "id of the member that is to lead; without it the one that is farthest along");
  addAgentFlags(command);
  command.action((member: string | undefined, options: Readonly<Record<string, unknown>>) => {
    return transfer(member ?? null, options, context);
  });
}

async function transfer(
  member: string | null,
  options: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<void> {
  const stateDir = agentStateDir(options, context);
  if (stateDir === null) return;
  const body = member === null ? "" : JSON.stringify({ to: member });
  const answer = await askAgent(stateDir, { method: "POST", path: "/transfer", body });
  if (answer.outcome === "failed") return fail(context, answer.why);
  if (answer.status !== 200) return fail(context, `Leadership was not handed over: ${printable(refusalOf(answer))}`);
  const { value } = answer;
  const to = typeof value === "object" && value !== null && "to" in value ? String(value.to) : member ?? "";
  context.terminal.out(`Leadership was handed to ${printable(to)}\n`);
}
