/**
 * The demonstration: three nodes, a client and two web backends in network namespaces of this machine; the address is failed over
 * three ways with traffic running, and what the client saw is printed. Needs `unshare` and nothing else of the system.
 */

import { productCommand } from "./daemon.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { SysError } from "../../mod/linux/errno.ts";
import type { FaultName, FaultResult } from "./faults.ts";
import { faultNamed, runFault } from "./faults.ts";
import { Lab } from "./lab.ts";
import { HTTP_PORT, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES } from "./records.ts";
import { sharedNow } from "./time.ts";
import { parseWebRequest, type WebRequest } from "./traffic.ts";

const SELF = new URL("demo.ts", import.meta.url).pathname;
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const TRAFFIC = new URL("traffic.ts", import.meta.url).pathname;
/** Said to itself by the demonstration when it runs inside a user namespace. */
const INSIDE = "--inside";

const SCENES: { readonly fault: FaultName; readonly words: string }[] = [
  { fault: "SIGTERM", words: "asked to leave (SIGTERM)" },
  { fault: "SIGKILL", words: "killed (SIGKILL)" },
  { fault: "link cut", words: "cable pulled" },
];

function say(line = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Whether this process may make network namespaces. */
function mayMakeNamespaces(): boolean {
  try {
    Namespace.create().close();
    return true;
  } catch (error) {
    if (error instanceof SysError) return false;
    throw error;
  }
}

/** Whether this machine lets an ordinary user be root in a namespace of its own. */
function mayUnshare(): boolean {
  try {
    const command = new Deno.Command("unshare", { args: ["-Urn", "unshare", "-n", "true"], stderr: "null" });
    return command.outputSync().success;
  } catch {
    return false;
  }
}

/** Fetches the packages of the product where it is not compiled: inside the namespaces there is no way out. */
async function fetchPackages(): Promise<void> {
  const [program] = await productCommand();
  if (program !== Deno.execPath()) return;
  const { success, stderr } = await new Deno.Command(program, { args: ["cache", MAIN], stdin: "null" }).output();
  if (!success) say(new TextDecoder().decode(stderr).trim());
}

/** Runs the demonstration as root of a user namespace. */
async function insideUserNamespace(): Promise<number> {
  const args = ["-Urn", "--kill-child", Deno.execPath(), "run", "-A", SELF, INSIDE];
  const { code } = await new Deno.Command("unshare", { args, stdin: "null" }).spawn().status;
  return code;
}

class Traffic {
  readonly requests: WebRequest[] = [];

  constructor(lab: Lab) {
    const argv = [Deno.execPath(), "run", "-A", "--no-lock", TRAFFIC, VIP_4, String(HTTP_PORT)];
    lab.run(lab.client, "traffic", argv, (line) => {
      const request = parseWebRequest(line);
      if (request !== null) this.requests.push(request);
    });
  }

  /** How many requests that began since then were answered, and how many were lost. */
  since(fromMs: number): { answered: number; lost: number } {
    const requests = this.requests.filter((request) => request.beganMs >= fromMs);
    const answered = requests.filter((request) => request.backend !== null).length;
    return { answered, lost: requests.length - answered };
  }

  /** Who answered, and how often. */
  byBackend(): string {
    const counts = new Map<string, number>();
    for (const { backend } of this.requests) if (backend !== null) counts.set(backend, (counts.get(backend) ?? 0) + 1);
    return [...counts].sort().map(([backend, count]) => `${backend} ${count}`).join(", ");
  }
}

function table(cells: readonly string[]): string {
  const widths = [26, 16, 22, 0];
  return `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("")}`.trimEnd();
}

function milliseconds(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : "no end";
}

function describe(words: string, result: FaultResult, requests: { answered: number; lost: number }): string {
  const outage = FAMILIES.map((family) => milliseconds(result.outageMs[family])).join(" · ");
  const lost = `${requests.answered} answered, ${requests.lost} lost`;
  return table([words, `${result.before} → ${result.after}`, outage, lost]);
}

async function show(lab: Lab): Promise<number> {
  const beganMs = sharedNow();
  await lab.startAll();
  const holder = lab.holder();
  say(`  ${lab.nodes.map((node) => `${node.name} ${node.machine.station.ip4}`).join("   ")}`);
  say(
    `  virtual addresses ${VIP_4} and ${VIP_6}: held by ${holder?.name ?? "nobody"}, ${
      milliseconds(sharedNow() - beganMs)
    } after start`,
  );
  const traffic = new Traffic(lab);
  say(`  client: http://${VIP_4}/ through the balancer 50 times a second, ping every 5 ms to both addresses`);
  say();
  say(table(["the holder is", "holder", "outage IPv4 · IPv6", "web requests"]));
  let most = 0;
  for (const { fault, words } of SCENES) {
    const fromMs = sharedNow();
    const result = await runFault(lab, faultNamed(fault));
    most = Math.max(most, ...FAMILIES.map((family) => result.maxAnswering[family]));
    say(describe(words, result, traffic.since(fromMs)));
  }
  say();
  say(`  web requests answered by ${traffic.byBackend()}`);
  say(
    most <= 1
      ? "  At no instant did more than one machine answer for an address: every 5 ms the whole link was asked who has it."
      : `  ${most} machines answered for one address at the same time. This must not happen.`,
  );
  return most <= 1 ? 0 : 1;
}

async function demo(): Promise<number> {
  if (!Deno.args.includes(INSIDE)) await fetchPackages();
  if (!mayMakeNamespaces()) {
    if (Deno.args.includes(INSIDE) || !mayUnshare()) {
      say("The demonstration makes network namespaces, which it may not do here. Run it with sudo.");
      return 1;
    }
    return await insideUserNamespace();
  }
  const beganMs = sharedNow();
  say("kube-vip: three nodes keep an address alive, a client watches. Everything runs in namespaces of this machine.");
  say();
  const lab = await Lab.create({ backends: 2 });
  try {
    return await show(lab);
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n${lab.logs()}`);
    return 1;
  } finally {
    await lab.dispose();
    say(`  (${Math.round((sharedNow() - beganMs) / 1000)} s)`);
  }
}

if (import.meta.main) Deno.exit(await demo());
