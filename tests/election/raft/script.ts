import type { MemberId, Message } from "../../../mod/election/raft/types.ts";
import { type Filter, type Flying, Lab } from "./lab.ts";

/** A message in one line of a transcript. */
export function show({ from, to, message }: Flying): string {
  return `${from} > ${to} ${message.type} ${showBody(message)}`.trimEnd();
}

function showBody(message: Message): string {
  switch (message.type) {
    case "preVote":
    case "vote":
      return `term=${message.term} last=${message.lastIndex}/${message.lastTerm}${message.transfer ? " transfer" : ""}`;
    case "preVoteReply":
    case "voteReply":
      return `term=${message.term} ${message.granted ? "granted" : "refused"}`;
    case "beat": {
      const holds = message.holds.length === 0 ? "" : ` holds=${message.holds.join(",")} for ${message.leaseLeftMs}`;
      return `term=${message.term} round=${message.round} commit=${message.commit}${holds}`;
    }
    case "beatReply":
      return `term=${message.term} round=${message.round}`;
    case "append": {
      const entries = message.entries.map((entry) => `${entry.index}/${entry.term}`).join(",");
      return `term=${message.term} prev=${message.prevIndex}/${message.prevTerm} entries=[${entries}]`;
    }
    case "appendReply":
      return `term=${message.term} ${message.ok ? "match" : "try"}=${message.match}`;
    case "snapshot":
      return `term=${message.term} snapshot=${message.snapshot.index}/${message.snapshot.term}`;
    case "hello":
      return message.fresh ? "fresh" : "";
    case "helloReply":
      return `term=${message.term}${message.fresh ? " fresh" : ""}`;
    case "resign":
    case "timeoutNow":
      return `term=${message.term}`;
  }
}

function showState(lab: Lab, id: MemberId): string {
  const { core, applied } = lab.node(id);
  if (core === null) return `${id} down`;
  const grants = core.grants(lab.now).map(({ ip, validUntil }) => `${ip}+${(validUntil - lab.now).toFixed(0)}`);
  const parts = [
    `${id} ${core.role} term=${core.term} leader=${core.leader ?? "-"} commit=${core.commitIndex}/${core.lastIndex}`,
    applied.some((data) => data !== "") ? `applied=${applied.filter((data) => data !== "").join(",")}` : "",
    core.leaseUntil(lab.now) > lab.now ? `lease=${(core.leaseUntil(lab.now) - lab.now).toFixed(0)}` : "",
    grants.length > 0 ? `holds=${grants.join(",")}` : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** "a>b", ">b", "a>" and a message type, in any order. */
function filterOf(words: readonly string[]): Filter {
  const filter: { from?: MemberId; to?: MemberId; type?: Message["type"] } = {};
  for (const word of words) {
    const [from, to] = word.split(">");
    if (to === undefined) {
      filter.type = word as Message["type"];
      continue;
    }
    if (from !== undefined && from !== "") filter.from = from;
    if (to !== "") filter.to = to;
  }
  return filter;
}

type Command = (lab: Lab, words: readonly string[]) => readonly string[];

function quiet(run: (lab: Lab, words: readonly string[]) => void): Command {
  return (lab, words) => {
    run(lab, words);
    return [];
  };
}

function member(words: readonly string[]): MemberId {
  const [id] = words;
  if (id === undefined) throw new Error("which member?");
  return id;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  campaign: quiet((lab, words) => lab.campaign(member(words))),
  deliver: (lab, words) => lab.deliver(filterOf(words)).map(show),
  drop: (lab, words) => lab.drop(filterOf(words)).map((each) => `lost: ${show(each)}`),
  settle: (lab) => lab.settle().map(show),
  flying: (lab) => lab.flying.map(show),
  tick: quiet((lab, words) => lab.run(Number(words[0]), { deliver: false })),
  run: quiet((lab, words) => lab.run(Number(words[0]))),
  cut: quiet((lab, words) => lab.cut(...words)),
  isolate: quiet((lab, words) => lab.isolate(member(words))),
  heal: quiet((lab) => lab.heal()),
  crash: quiet((lab, words) => lab.crash(member(words))),
  restart: quiet((lab, words) => lab.start(member(words))),
  forget: quiet((lab, words) => lab.loseState(member(words))),
  slow: quiet((lab, words) => lab.slowDisk(member(words))),
  sync: quiet((lab, words) => lab.sync(member(words))),
  propose: (lab, words) => {
    const outcome = lab.core(member(words)).propose(lab.now, new TextEncoder().encode(words[1] ?? ""));
    lab.pump(member(words));
    return [outcome.outcome === "accepted" ? `accepted ${outcome.index}` : outcome.outcome];
  },
  compact: quiet((lab, words) => {
    const core = lab.core(member(words));
    core.compact(core.commitIndex, new TextEncoder().encode("state"));
    lab.pump(member(words));
  }),
  transfer: (lab, words) => {
    const outcome = lab.core(member(words)).transfer(lab.now, words[1] ?? null);
    lab.pump(member(words));
    return [outcome.outcome === "started" ? `started to ${outcome.to}` : outcome.outcome];
  },
  resign: quiet((lab, words) => {
    lab.core(member(words)).resign(lab.now);
    lab.pump(member(words));
  }),
  assign: quiet((lab, [leader, ...pairs]) => {
    if (leader === undefined) throw new Error("who assigns?");
    const wanted = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    lab.core(leader).assign(lab.now, wanted);
    lab.pump(leader);
  }),
  state: (lab, words) => (words.length === 0 ? lab.ids : words).map((id) => showState(lab, id)),
};

function begin(words: readonly string[]): Lab | null {
  const [command, ...ids] = words;
  if (command === "fresh") {
    const lab = new Lab(ids);
    for (const id of ids) lab.start(id);
    return lab;
  }
  if (command === "members") return Lab.veterans(ids);
  if (command === "led") return Lab.led(ids, ids[0] ?? "");
  return null;
}

/**
 * Runs a script and gives it back with what happened: blocks of commands, then `----` and what they print. The first command makes
 * the members: `fresh` (without state), `members` (that have run before) or `led` (the first of them leads).
 */
export function runScript(text: string): string {
  let lab: Lab | null = null;
  const blocks = text.trim().split(/\n{2,}/).map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const commands = end < 0 ? lines : lines.slice(0, end);
    const printed: string[] = [];
    for (const line of commands) {
      if (line.startsWith("#") || line === "") continue;
      const words = line.split(" ");
      const made = begin(words);
      if (made !== null) {
        lab = made;
        continue;
      }
      const command = COMMANDS[words[0] ?? ""];
      if (command === undefined || lab === null) throw new Error(`cannot run: ${line}`);
      printed.push(...command(lab, words.slice(1)));
    }
    return [...commands, ...(printed.length > 0 ? ["----", ...printed] : [])].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}
