import { formatProblem } from "../../mod/config/findings.ts";
import { loadPeersConfig } from "../../mod/config/load.ts";
import type { ConfigResult, PeersConfig } from "../../mod/config/types.ts";

/** Long enough, and only ever used here. */
export const TEST_SECRET = "not-a-secret-0123456789";

interface Given {
  readonly env?: Record<string, string>;
  readonly flags?: Record<string, string>;
  readonly files?: Record<string, string>;
}

/** Loads a file given as text, or as an object that is written as JSON; null: no file. */
export function load(content: unknown, given: Given = {}): ConfigResult {
  const text = content === null || typeof content === "string" ? content : JSON.stringify(content, null, 1);
  return loadPeersConfig({
    file: text === null ? null : "config.yaml",
    text,
    env: given.env ?? {},
    flags: given.flags ?? {},
    readText: (path) => {
      const found = given.files?.[path];
      if (found === undefined) throw new Error("No such file");
      return found;
    },
  });
}

/** The configuration, or an exception with every problem. */
export function mustLoad(content: unknown, given: Given = {}): PeersConfig {
  const result = load(content, given);
  if (result.outcome === "invalid") throw new Error(problemLines(result).join("\n"));
  return result.config;
}

/** Problems as the user sees them. */
export function problemLines(result: ConfigResult): string[] {
  return result.outcome === "valid" ? [] : result.problems.map((one) => formatProblem(one, "config.yaml"));
}

/** Warnings as the user sees them. */
export function warningLines(result: ConfigResult): string[] {
  return result.warnings.map((one) => formatProblem(one, "config.yaml"));
}

/** Three members, one address, one balancer; `changes` replaces top keys. */
export function base(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    localPeer: { id: "a", address: "10.0.0.1", port: 10000 },
    remotePeers: [{ id: "b", address: "10.0.0.2", port: 10000 }, { id: "c", address: "10.0.0.3", port: 10000 }],
    peerSecret: TEST_SECRET,
    vip: "10.0.0.9",
    loadBalancers: [{ type: "tcp", port: 6443, bindToVip: true, backends: [{ address: "10.0.0.1", port: 6444 }] }],
    ...changes,
  };
}
