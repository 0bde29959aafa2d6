/** Command lines as Go's pflag reads them, for the commands that upstream has too. */

import type { Setting } from "../config/setting.ts";
import { flagNames, managerFlagSettings } from "./settings_flags.ts";

const COMMANDS: ReadonlySet<string> = new Set(["manager", "service", "manifest", "kubeadm"]);

/**
 * `args` in the form that commander takes: the command first, as upstream allows flags before it, and switches with their
 * value (`--arp` is `--arp=true`, and what follows is not its value). Other commands' lines stay as they are.
 */
export function goArgs(args: readonly string[]): string[] {
  const kinds = flagKinds();
  const at = firstOperand(args, kinds);
  if (at === null || !COMMANDS.has(args[at] ?? "")) return [...args];
  const commands = args[at + 1]?.startsWith("-") === false ? 2 : 1;
  return completed([...args.slice(at, at + commands), ...args.slice(0, at), ...args.slice(at + commands)], kinds);
}

type Kinds = ReadonlyMap<string, "switch" | "valued">;

function flagKinds(): Kinds {
  const kindOf = (setting: Setting<unknown>): "switch" | "valued" => setting.switch ? "switch" : "valued";
  return new Map(
    managerFlagSettings("service").flatMap((setting) => [
      ...flagNames(setting).map((name) => [`--${name}`, kindOf(setting)] as const),
      ...(setting.short === null ? [] : [[`-${setting.short}`, kindOf(setting)] as const]),
    ]),
  );
}

/** Where the first word is that is neither a flag nor its value; null behind a flag that is not known. */
function firstOperand(args: readonly string[], kinds: Kinds): number | null {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (!arg.startsWith("-")) return i;
    const kind = kinds.get(arg.split("=")[0] ?? "");
    if (kind === undefined) return null;
    if (kind === "valued" && !arg.includes("=")) i++;
  }
  return null;
}

function completed(args: readonly string[], kinds: Kinds): string[] {
  const done: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return [...done, ...args.slice(i)];
    const kind = kinds.get(arg);
    done.push(kind === "switch" ? `${arg}=true` : arg);
    const value = args[i + 1];
    if (kind === "valued" && value !== undefined) {
      done.push(value);
      i++;
    }
  }
  return done;
}
