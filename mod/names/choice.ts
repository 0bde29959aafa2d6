/**
 * Which addresses of a name are used, and for how long. Pure.
 *
 * Servers give addresses in changing order, or one of several at a time. So an address that is used is used on as long as it is given, and
 * goes only after two answers in a row that do not call for it; a new one is used at once, beside the old one until that goes. Where
 * several are given, the numerically lowest is taken, so that all nodes take the same.
 */
import type { DnsMode } from "../config/manager/types.ts";
import { vipRefusal } from "../config/vips.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import { assertNever } from "../base/assert.ts";

/** So many answers in a row that do not call for an address end its use. */
const MOST_MISSES = 2;

/** An address that a name gave. */
export interface Used {
  /** Canonical text. */
  readonly ip: string;
  /** Answers in a row that did not call for it. */
  readonly misses: number;
}

/** What is wanted of the answers. */
export interface Wanted {
  readonly mode: DnsMode;
  /** With `dual`: one family alone is a problem, and changes nothing. @default {false} */
  readonly dualRequired?: boolean;
}

/** What an answer leads to. */
export type Choice =
  | { readonly outcome: "chosen"; readonly used: readonly Used[] }
  /** The answer has nothing that could be used: what was used stays. `why` is a sentence part. */
  | { readonly outcome: "unusable"; readonly why: string };

/** The addresses to use after `answer` (text, in the server's order), where `used` were before it, the longest used first. */
export function choose(answer: readonly string[], used: readonly Used[], wanted: Wanted): Choice {
  const ips = answer.map((text) => parseIp(text)).filter((ip) => ip !== null);
  const usable = ips.filter(isUsable);
  const families = familiesOf(usable, used, wanted.mode);
  const picks = families.map((family) => pick(usable.filter((ip) => ip.family === family), used));
  const chosen = picks.filter((ip) => ip !== null);
  const why = chosen.length === 0
    ? emptiness(ips, wanted.mode)
    : wanted.dualRequired === true && chosen.length < families.length
    ? "has addresses of one family only, both are required"
    : null;
  if (why !== null) return { outcome: "unusable", why };
  const kept = used.map(({ ip, misses }) => ({ ip, misses: chosen.includes(ip) ? 0 : misses + 1 }));
  const come = chosen.filter((ip) => !used.some((one) => one.ip === ip)).map((ip) => ({ ip, misses: 0 }));
  return { outcome: "chosen", used: [...kept.filter(({ misses }) => misses < MOST_MISSES), ...come] };
}

/** The families to pick an address of, each. */
function familiesOf(usable: readonly Ip[], used: readonly Used[], mode: DnsMode): (4 | 6)[] {
  switch (mode) {
    case "ipv4":
      return [4];
    case "ipv6":
      return [6];
    case "dual":
      return [4, 6];
    case "first": {
      const still = used.map(({ ip }) => usable.find((one) => one.text === ip)).find((ip) => ip !== undefined);
      const before = used.map(({ ip }) => usable.find((one) => one.family === familyOf(ip)))
        .find((ip) => ip !== undefined);
      return [(still ?? before ?? usable[0])?.family ?? 4];
    }
    default:
      return assertNever(mode);
  }
}

function pick(given: readonly Ip[], used: readonly Used[]): string | null {
  const still = used.find(({ ip }) => given.some((one) => one.text === ip));
  return still?.ip ?? [...given].sort(byBytes)[0]?.text ?? null;
}

function familyOf(ip: string): 4 | 6 {
  return ip.includes(":") ? 6 : 4;
}

function byBytes(a: Ip, b: Ip): number {
  const at = a.bytes.findIndex((byte, index) => byte !== b.bytes[index]);
  return at === -1 ? 0 : (a.bytes[at] ?? 0) - (b.bytes[at] ?? 0);
}

/** A hosts file often says 127.0.0.1 or 127.0.1.1 for names of the machine itself. */
function isUsable(ip: Ip): boolean {
  return vipRefusal(ip) === null;
}

function emptiness(ips: readonly Ip[], mode: DnsMode): string {
  const useless = ips.filter((ip) => !isUsable(ip));
  if (useless.length > 0 && useless.length === ips.length) {
    return `has no address that other machines can reach, only ${useless.map((ip) => ip.text).join(", ")}`;
  }
  if (mode === "ipv4") return "has no IPv4 address";
  return mode === "ipv6" ? "has no IPv6 address" : "has no address";
}
