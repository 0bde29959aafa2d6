/** Programs that run to their end. */

import type { Machine } from "../../lab/network.ts";

/** How much longer than it measures a tool may take, in seconds; iperf3 waits forever for a connection that was cut. */
const SPARE_SECONDS = 15;

/** Runs a program on a machine; gives its output. Throws, with what it wrote, when it fails or takes much longer than `seconds`. */
export async function runTool(machine: Machine, argv: readonly string[], seconds: number): Promise<string> {
  const limited = ["--signal=KILL", String(seconds + SPARE_SECONDS), ...argv];
  const command = new Deno.Command("timeout", { args: limited, stdin: "null", stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await machine.inside(() => command.spawn()).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) {
    throw new Error(`${argv.join(" ")}: ${text.slice(-500)}${new TextDecoder().decode(stderr).slice(-500)}`);
  }
  return text;
}
