import assert from "node:assert/strict";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import type { FakeFlow } from "./fake_flow.ts";
import { HttpRig } from "./http_rig.ts";

type Random = () => number;

function any(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** A client that asks for numbered things and knows what it must get. */
class Asker {
  readonly flow: FakeFlow;
  readonly asked: string[] = [];
  got = "";
  #toSend = "";
  readonly #name: string;

  constructor(flow: FakeFlow, name: string) {
    this.flow = flow;
    this.#name = name;
  }

  ask(random: Random): void {
    const what = `${this.#name}-${this.asked.length}`;
    this.asked.push(what);
    const content = "x".repeat(any(random, 300));
    const chunks = content === "" ? "" : `${content.length.toString(16)}\r\n${content}\r\n`;
    this.#toSend += [
      `GET /${what} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /${what} HTTP/1.1\r\nHost:a\r\nX-Forwarded-For: b\r\n\r\n`,
      `PUT /${what} HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
      `POST /${what} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    ][any(random, 4)] ?? "";
  }

  /** Sends a piece, reads a piece. */
  step(random: Random, most: number): void {
    const count = any(random, most);
    const piece = this.#toSend.slice(0, count);
    this.#toSend = this.#toSend.slice(count);
    if (piece !== "") this.flow.give(piece);
    if (this.flow.keptBytes > 0 && random() < 0.7) this.flow.drain(any(random, most));
    else if (random() < 0.1) this.flow.room = any(random, most);
    this.got += this.flow.take();
  }

  get isDone(): boolean {
    return this.#toSend === "" && this.flow.keptBytes === 0;
  }

  /** What was answered, in its order; whatever is left over. */
  answers(): { readonly whole: string[]; readonly rest: string } {
    const whole: string[] = [];
    let rest = this.got;
    for (;;) {
      const match = /^HTTP\/1\.1 200 OK\r\nX-For: (\S+)\r\n(?:Content-Length: (\d+)|Transfer-Encoding: chunked)\r\n\r\n/
        .exec(rest);
      if (match === null) return { whole, rest };
      const end = match[2] === undefined ? rest.indexOf("0\r\n\r\n") + 5 : match[0].length + Number(match[2]);
      if (end < match[0].length || rest.length < end) return { whole, rest };
      whole.push(match[1] ?? "");
      rest = rest.slice(end);
    }
  }
}

/** A backend's connection: answers what it has got completely, piece by piece. */
class Server {
  readonly flow: FakeFlow;
  #got = "";
  #toSend = "";

  constructor(flow: FakeFlow) {
    this.flow = flow;
  }

  step(random: Random, most: number): void {
    if (this.flow.isClosed) return;
    if (this.flow.keptBytes > 0 && random() < 0.7) this.flow.drain(any(random, most));
    else if (random() < 0.1) this.flow.room = any(random, most);
    this.#got += this.flow.take();
    const match = /^(?:GET|PUT|POST) \/(\S+) HTTP\/1\.1\r\n([^]*?)\r\n\r\n/.exec(this.#got);
    if (match !== null && this.#toSend === "") this.#answer(match, random);
    const count = any(random, most);
    const piece = this.#toSend.slice(0, count);
    this.#toSend = this.#toSend.slice(count);
    if (piece !== "") this.flow.give(piece);
    this.flow.again();
  }

  #answer([head, what = "", fields = ""]: RegExpExecArray, random: Random): void {
    const length = /Content-Length: (\d+)/.exec(fields)?.[1];
    const isChunked = fields.includes("chunked");
    const end = isChunked ? this.#got.indexOf("0\r\n\r\n", head.length - 4) + 5 : head.length + Number(length ?? "0");
    if (end < head.length || this.#got.length < end) return;
    this.#got = this.#got.slice(end);
    const content = "y".repeat(any(random, 400));
    const start = `HTTP/1.1 200 OK\r\nX-For: ${what}\r\n`;
    const chunk = content === "" ? "" : `${content.length.toString(16)}\r\n${content}\r\n`;
    this.#toSend = random() < 0.5
      ? `${start}Content-Length: ${content.length}\r\nConnection: keep-alive\r\n\r\n${content}`
      : `${start}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
  }
}

interface World {
  readonly rig: HttpRig;
  readonly askers: Asker[];
  readonly servers: Server[];
}

function step({ rig, askers, servers }: World, random: Random, most: number): void {
  for (const { flow } of rig.loop.outgoing.slice(servers.length)) {
    servers.push(new Server(flow));
    flow.open();
  }
  for (const asker of askers) {
    if (asker.flow.isClosed) continue;
    if (random() < 0.05 && asker.asked.length < 12) asker.ask(random);
    asker.step(random, most);
    asker.flow.again();
  }
  for (const server of servers) server.step(random, most);
}

Deno.test("however pieces fall and whoever is slow, each client gets its own answers in its order", () => {
  const seed = seedFromEnv(2026);
  for (let round = 0; round < 40; round++) {
    const random = seededRandom(seed + round);
    const rig = new HttpRig({ maxHeadBytes: 4096 }, { count: 3, scratchBytes: 2048 + 64 + any(random, 2000) });
    const askers = Array.from({ length: 8 }, (_unused, n) => new Asker(rig.client(), `c${n}`));
    const world: World = { rig, askers, servers: [] };
    for (const asker of askers) asker.ask(random);
    const most = 2 + any(random, 200);
    const isOver = (): boolean =>
      askers.every((asker) => asker.isDone && asker.answers().whole.length === asker.asked.length);
    for (let left = 30_000; left > 0 && !isOver(); left--) step(world, random, most);
    for (const asker of askers) {
      assert.deepEqual(asker.answers(), { whole: asker.asked, rest: "" }, `seed ${seed + round}`);
      assert.equal(asker.flow.ending, "", `seed ${seed + round}`);
    }
    rig.assertSettled();
  }
});

Deno.test("whatever breaks, nobody gets what is another's, and in the end nothing is left", () => {
  const seed = seedFromEnv(77);
  for (let round = 0; round < 150; round++) {
    const random = seededRandom(seed + round);
    const rig = new HttpRig({ maxHeadBytes: 4096 }, { count: 3, scratchBytes: 2048 + 64 + any(random, 2000) });
    const world: World = { rig, askers: [], servers: [] };
    const most = 2 + any(random, 300);
    for (let n = 0; n < 400; n++) {
      if (random() < 0.05) world.askers.push(new Asker(rig.client(), `c${n}`));
      step(world, random, most);
      if (random() < 0.02) rig.loop.pass(any(random, 600));
      const flow = rig.loop.flows[any(random, rig.loop.flows.length)];
      if (flow === undefined || flow.isClosed || random() < 0.97) continue;
      if (random() < 0.5) flow.end();
      else flow.fail();
    }
    for (const asker of world.askers) {
      const { whole } = asker.answers();
      assert.deepEqual(whole, asker.asked.slice(0, whole.length), `seed ${seed + round}`);
    }
    if (round % 2 === 0) rig.service.drain(round % 4 === 0 ? "close" : "wait");
    for (let n = 0; n < 10; n++) rig.loop.pass(2000);
    rig.service.cut(null);
    rig.assertSettled();
    assert.ok(rig.loop.flows.every(({ isClosed }) => isClosed), `seed ${seed + round}: every flow is closed`);
  }
});
