import { formatProblem } from "../../mod/config/findings.ts";
import { loadManagerValues } from "../../mod/config/manager/load.ts";
import type { Values } from "../../mod/manifest/values.ts";

/** The settings of an environment; throws if one is wrong. */
export function settings(env: Readonly<Record<string, string>> = {}): Values {
  const result = loadManagerValues({ file: null, text: null, env, flags: {}, readText: () => "" });
  if (result.outcome === "valid") return result.values;
  throw new Error(result.problems.map((one) => formatProblem(one, null)).join("\n"));
}
