import { configure, reset } from "@kube-vip/log";
import assert from "node:assert/strict";
import { encodeMessage } from "../../mod/net/bgp/message.ts";
import { cease, finish, KEEPALIVE, type Pair, pair, routerOpen, upPair } from "./session_kit.ts";

const HOUR_MS = 3_600_000;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly properties: Record<string, unknown>;
}

/** Runs something and gives what was logged meanwhile. */
async function logged(run: () => Promise<void>): Promise<Line[]> {
  const lines: Line[] = [];
  await configure({
    sinks: {
      memory: ({ level, message, properties }) => void lines.push({ level, message: message.join(""), properties }),
    },
    loggers: [
      { category: ["kube-vip"], sinks: ["memory"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    await run();
  } finally {
    await reset();
  }
  return lines;
}

function reasons(lines: readonly Line[]): string[] {
  return lines.map(({ level, properties }) => `${level}: ${properties["why"]}`);
}

/** The router answers every connection with the same words, for so long. */
function answerAll({ clock, router }: Pair, words: readonly Uint8Array[], forMs: number): number {
  let answered = 0;
  for (let now = 0; now < forMs; now += 100) {
    for (const wire of router.wires.splice(0)) {
      if (wire.closed !== null) continue;
      wire.say(...words);
      answered += 1;
    }
    clock.advance(100);
  }
  return answered;
}

Deno.test("a session that cannot come up for hours is told once for each reason, however they take turns", async () => {
  const lines = await logged(async () => {
    const both = pair();
    both.node.session.start();
    for (let round = 0; round < 30; round++) {
      both.network.weather = round % 2 === 0 ? "refusing" : "silent";
      both.clock.advance(HOUR_MS / 10);
    }
    await finish(both);
  });
  assert.deepEqual(reasons(lines), ["warning: connection refused", "warning: no answer from 192.0.2.254"]);
});

Deno.test("and so is what the router says while it does not want the session, or what is wrong with its OPEN", async () => {
  const rows: [string, readonly Uint8Array[], RegExp][] = [
    ["a Cease instead of an OPEN", [cease(2)], /^warning: ended by the peer: Cease: administrative shutdown$/],
    ["a Cease after the OPEN", [routerOpen(), cease(5)], /^warning: ended by the peer: Cease: connection rejected$/],
    ["the AS of somebody else", [routerOpen({ as: 65009, capabilities: [] })], /^warning: .*65009/],
    ["a broken header", [KEEPALIVE.map(() => 0)], /^warning: /],
  ];
  for (const [what, words, told] of rows) {
    let answered = 0;
    const lines = await logged(async () => {
      const both = pair();
      both.node.session.start();
      answered = answerAll(both, words, HOUR_MS);
      await finish(both);
    });
    assert.ok(answered > 100, `${what}: ${answered} attempts`);
    assert.equal(lines.length, 1, `${what}: ${reasons(lines).join("\n")}`);
    assert.match(reasons(lines)[0] ?? "", told, what);
  }
});

Deno.test("a session that comes and goes all the time is told once a minute, and that it is up when it lasts", async () => {
  let ups = 0;
  const lines = await logged(async () => {
    const both = pair();
    both.node.session.start();
    answerAll(both, [routerOpen(), KEEPALIVE, cease(4)], 10 * 60_000);
    ups = both.node.ups.length;
    for (let now = 0; now < 65_000; now += 1000) {
      for (const wire of both.router.wires) {
        if (wire.closed === null && wire.heard.length < 2) wire.say(routerOpen());
        if (wire.closed === null) wire.say(KEEPALIVE);
      }
      both.clock.advance(1000);
    }
    assert.equal(both.node.state, "established");
    await finish(both);
  });
  assert.ok(ups > 300, `${ups} sessions`);
  assert.ok(lines.length < 25, reasons(lines).join("\n"));
  const ends = lines.filter(({ message }) => message === "a BGP session has ended");
  assert.ok(ends.some(({ properties }) => Number(properties["untold"]) > 20));
  assert.deepEqual(lines.slice(-2).map(({ message }) => message), ["a BGP session is up", "a BGP session has ended"]);
});

Deno.test("UPDATEs with faults are told once a minute, their bytes at debug level, whether they end the session or not", async () => {
  const mild = encodeMessage("update", [0, 0, 0, 0, 24, 203, 0, 113]);
  const broken = encodeMessage("update", [0, 99, 0, 0]);
  const lines = await logged(async () => {
    const both = upPair();
    for (let second = 0; second < 125; second++) {
      both.router.wire.say(...(second < 59 ? [mild] : []), KEEPALIVE);
      both.clock.advance(1000);
    }
    assert.equal(both.node.session.report().malformedUpdates, 59);
    both.router.wire.say(broken);
    both.clock.advance(5);
    await finish(both);
  });
  const told = lines.filter(({ message }) => message.includes("malformed"));
  assert.deepEqual(told.map(({ level }) => level), Array(2).fill(["warning", "debug"]).flat());
  assert.match(lines.at(-1)?.message ?? "", /has ended/);
  const [first, dump, second] = told;
  assert.match(String(first?.properties["faults"]), /RFC 7606 §/);
  assert.equal(dump?.properties["hex"], `${"ff".repeat(16)}001b0200000000` + "18cb0071");
  assert.equal(second?.properties["before"], 58);
});
