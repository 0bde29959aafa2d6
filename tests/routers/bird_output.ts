/** What BIRD says, read. */

import { type RouterSession, sessionState, type TableRoute } from "./types.ts";

/** Lines of an answer without the codes of four digits. */
function lines(answer: string): string[] {
  return answer.split("\n").map((line) => line.replace(/^\d{4}[- ]/, ""));
}

function value(block: readonly string[], name: string): string {
  const line = block.find((one) => one.trim().startsWith(`${name}:`));
  return line === undefined ? "" : line.slice(line.indexOf(":") + 1).trim();
}

/** The answer to `show protocols all`, BGP only: what is known of each protocol by its name. */
export function birdSessions(answer: string): Map<string, RouterSession> {
  const blocks: string[][] = [];
  for (const line of lines(answer)) {
    if (/^\S+\s+[A-Z]\w+\s+\S+\s+(up|down|start|stop|flush)\s/.test(line)) blocks.push([]);
    blocks.at(-1)?.push(line);
  }
  return new Map(
    blocks.filter((block) => /^\S+\s+BGP\s/.test(block[0] ?? "")).map((block) => {
      const [head = ""] = block;
      const peer = head.split(/\s+/)[0] ?? "";
      const imported = block.flatMap((line) => /Routes:\s+(\d+) imported/.exec(line)?.[1] ?? []);
      const session: RouterSession = {
        peer,
        state: sessionState(value(block, "BGP state") || "idle"),
        bfd: null,
        lastReset: [value(block, "Last error"), value(block, "Message")].filter((part) => part !== "").join("; "),
        received: imported.reduce((sum, count) => sum + Number(count), 0),
      };
      return [peer, session];
    }),
  );
}

/** The answer to `show bfd sessions`: states by address. */
export function birdBfd(answer: string): Map<string, string> {
  return new Map(
    lines(answer).flatMap((line): [string, string][] => {
      const found = /^\s*([0-9a-f.:]+)\s+\S+\s+(Up|Down|Init|AdminDown)\s/.exec(line);
      return found === null ? [] : [[found[1] ?? "", (found[2] ?? "").toLowerCase()]];
    }),
  );
}

interface Attributes {
  readonly [name: string]: string;
}

function route(prefix: string, head: string, attributes: Attributes): TableRoute {
  const pairs = (name: string): string[] =>
    [...(attributes[name] ?? "").matchAll(/\(([\d, ]+)\)/g)].map((match) => (match[1] ?? "").replaceAll(/,\s*/g, ":"));
  const numeric = (name: string): number | null => attributes[name] === undefined ? null : Number(attributes[name]);
  return {
    prefix,
    nextHops: (attributes["next_hop"] ?? "").split(" ").filter((word) => word !== ""),
    from: /\[(\S+) /.exec(head)?.[1] ?? "",
    best: /\] \*/.test(head),
    // An s after the preference; only for long-lived graceful restart.
    stale: /\(\d+(\/\S+)?s/.test(head),
    asPath: (attributes["as_path"] ?? "").split(" ").filter((word) => /^\d+$/.test(word)).map(Number),
    med: numeric("med"),
    localPref: numeric("local_pref"),
    communities: pairs("community"),
    largeCommunities: pairs("large_community"),
  };
}

/** The answer to `show route table … all`; {@link TableRoute.from} is the name of the protocol. */
export function birdRoutes(answer: string): TableRoute[] {
  const found: { prefix: string; head: string; attributes: Record<string, string> }[] = [];
  for (const line of lines(answer)) {
    const head = /^\s?([0-9a-f:.]+\/\d+)?\s+(unicast|blackhole|unreachable|prohibit)\s+\[.*$/.exec(line);
    const attribute = /^\s+BGP\.(\w+): ?(.*)$/.exec(line);
    if (head !== null) found.push({ prefix: head[1] ?? found.at(-1)?.prefix ?? "", head: line, attributes: {} });
    else if (attribute !== null) {
      Object.assign(found.at(-1)?.attributes ?? {}, { [attribute[1] ?? ""]: attribute[2] ?? "" });
    }
  }
  return found.map(({ prefix, head, attributes }) => route(prefix, head, attributes));
}
