/** The routes of a machine's kernel. */

import type { Family } from "../../mod/net/bgp/types.ts";
import type { Machine } from "../lab/network.ts";
import { elements, members, text } from "./json.ts";
import type { KernelRoute } from "./types.ts";

/** The answer to `ip -j route`. */
export function parseKernelRoutes(json: string, family: Family): KernelRoute[] {
  const whole = family === 4 ? "/32" : "/128";
  return elements(JSON.parse(json === "" ? "[]" : json)).map((value) => {
    const one = members(value);
    const destination = text(one["dst"]);
    const hops = [one, ...elements(one["nexthops"]).map(members)].map((hop) => {
      // The next hop of the other family.
      return text(hop["gateway"]) || text(members(hop["via"])["host"]);
    });
    return {
      prefix: destination.includes("/") || destination === "default" ? destination : `${destination}${whole}`,
      nextHops: hops.filter((hop) => hop !== ""),
      protocol: text(one["protocol"]),
    };
  });
}

/** The main table of a machine. */
export async function kernelRoutes(machine: Machine, family: Family): Promise<KernelRoute[]> {
  const args = ["-j", `-${family}`, "route", "show", "table", "main"];
  const command = new Deno.Command("ip", { args, stdin: "null", stdout: "piped", stderr: "piped" });
  const child = machine.inside(() => command.spawn());
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`ip route: ${new TextDecoder().decode(stderr)}`);
  return parseKernelRoutes(new TextDecoder().decode(stdout).trim(), family);
}
