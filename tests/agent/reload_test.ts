import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@kube-vip/log";
import { type ConfigSource, Reloader, type ReloadOutcome } from "../../mod/agent/reload.ts";
import { loadPeersConfig } from "../../mod/config/load.ts";
import type { PeersConfig } from "../../mod/config/types.ts";
import { VirtualClock } from "../fakes/clock.ts";

const GOOD = "singleNode: true\nvip: 10.0.0.9\nlocalPeer: a:10.0.0.1:10000\n";

/** A file, an agent, and what is logged. */
class Bench {
  text: string | null = GOOD;
  readonly clock = new VirtualClock();
  readonly applied: PeersConfig[] = [];
  readonly lines: string[] = [];
  /** Settings that are not from the file. */
  flags: Readonly<Record<string, string>> = {};
  /** What the agent answers next; without it that all is well. */
  answer: (() => Promise<ReloadOutcome>) | null = null;
  readonly #source: ConfigSource = {
    file: "f.yaml",
    text: GOOD,
    readText: () => this.text ?? this.#missing(),
    load: (text) => loadPeersConfig({ file: "f.yaml", text, env: {}, flags: this.flags, readText: () => "" }),
  };

  #missing(): never {
    throw new Error("No such file");
  }

  reloader(watch: boolean): Reloader {
    const apply = (config: PeersConfig): Promise<ReloadOutcome> => {
      this.applied.push(config);
      return this.answer?.() ?? Promise.resolve({ outcome: "applied", changes: "something" });
    };
    return new Reloader({ source: this.#source, apply, clock: this.clock, watch });
  }

  /** Lets what is under way end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }

  /** Time passes in the steps in which the file is looked at. */
  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 100) {
      this.clock.advance(100);
      await this.settle();
    }
  }

  /** Lines since the last call. */
  said(): string[] {
    return this.lines.splice(0);
  }
}

async function withBench(run: (bench: Bench, reloader: Reloader) => Promise<void>, watch = false): Promise<void> {
  const bench = new Bench();
  const sink = (record: LogRecord): void => {
    const { finding, cause, changes, problems } = record.properties;
    bench.lines.push([record.level, ...record.message, finding ?? cause ?? changes ?? problems].join(" "));
  };
  const silence = { category: ["logtape", "meta"], lowestLevel: "error" as const, sinks: [] };
  const loggers = [{ category: ["kube-vip"], sinks: ["lines"] }, silence];
  const listen = (): Promise<void> => configure({ reset: true, sinks: { lines: sink }, loggers });
  await listen();
  const reloader = bench.reloader(watch);
  try {
    await run(bench, reloader);
  } finally {
    await reloader.stop();
    await reset();
  }
  assert.equal(bench.clock.pending, 0);
}

Deno.test("when asked to, the file is read and applied, changed or not", () =>
  withBench(async (bench, reloader) => {
    reloader.request();
    await bench.settle();
    bench.text = `${GOOD}logLevel: error\n`;
    reloader.request();
    await bench.settle();
    assert.deepEqual(bench.applied.map(({ logLevel }) => logLevel), ["info", "error"]);
  }));

Deno.test("a file that has become empty is refused, also where everything that is needed comes from elsewhere", () =>
  withBench(async (bench, reloader) => {
    bench.flags = { localPeer: "a:10.0.0.1:10000", vip: "10.0.0.9", singleNode: "true" };
    for (const text of ["", "\n \n"]) {
      bench.text = text;
      reloader.request();
      await bench.settle();
      assert.deepEqual(bench.said().map((line) => line.split(",")[0]), [
        "error Configuration the file: is empty",
        "error Configuration refused",
      ]);
    }
    bench.text = "{}";
    reloader.request();
    await bench.settle();
    assert.equal(bench.applied.length, 1);
  }));

Deno.test("a bad file is refused with every problem, each time it is asked for", () =>
  withBench(async (bench, reloader) => {
    bench.text = `${GOOD}logLevel: loud\nlogFormat: xml\n`;
    for (let times = 0; times < 2; times++) {
      reloader.request();
      await bench.settle();
      const said = bench.said();
      assert.equal(said.length, 3);
      assert.match(said[0] ?? "", /^error Configuration f.yaml:4: logLevel "loud": must be/);
      assert.match(said[1] ?? "", /^error Configuration f.yaml:5: logFormat "xml": must be/);
      assert.equal(said[2], "error Configuration refused, the running one continues 2");
    }
    bench.text = null;
    reloader.request();
    assert.deepEqual(bench.said(), ["error Cannot read the configuration No such file"]);
    assert.deepEqual(bench.applied, []);
  }));

Deno.test("what the agent refuses, or fails at, is said", () =>
  withBench(async (bench, reloader) => {
    const problems = [{ key: "vip", value: "", message: "has changed, which needs a restart", line: null }];
    bench.answer = () => Promise.resolve({ outcome: "refused", problems });
    reloader.request();
    await bench.settle();
    assert.deepEqual(bench.said(), [
      "error Configuration vip: has changed, which needs a restart",
      "error Configuration refused, the running one continues 1",
    ]);
    bench.answer = () => Promise.resolve({ outcome: "failed", why: "port 80 is taken" });
    reloader.request();
    await bench.settle();
    assert.deepEqual(bench.said(), ["error Configuration not applied, the running one continues port 80 is taken"]);
    bench.answer = () => Promise.reject(new Error("no such thing"));
    reloader.request();
    await bench.settle();
    assert.match(bench.said().join(), /A fault of the program/);
    bench.answer = null;
    reloader.request();
    await bench.settle();
    assert.equal(bench.applied.length, 4, "it goes on");
  }));

Deno.test("reloads do not overlap; one that is asked for meanwhile comes after, once", () =>
  withBench(async (bench, reloader) => {
    const first = Promise.withResolvers<ReloadOutcome>();
    bench.answer = () => first.promise;
    reloader.request();
    await bench.settle();
    bench.text = `${GOOD}logFormat: json\n`;
    for (let times = 0; times < 3; times++) reloader.request();
    await bench.settle();
    assert.equal(bench.applied.length, 1);
    bench.answer = null;
    first.resolve({ outcome: "applied", changes: "" });
    await bench.settle();
    assert.deepEqual(bench.applied.map(({ logFormat }) => logFormat), ["text", "json"]);
  }));

Deno.test("a stop waits for what is under way, and nothing comes after it", () =>
  withBench(async (bench, reloader) => {
    const first = Promise.withResolvers<ReloadOutcome>();
    bench.answer = () => first.promise;
    reloader.request();
    reloader.request();
    let isStopped = false;
    const stopped = reloader.stop().then(() => isStopped = true);
    await bench.settle();
    assert.equal(isStopped, false);
    first.resolve({ outcome: "applied", changes: "" });
    await stopped;
    reloader.request();
    await bench.settle();
    assert.equal(bench.applied.length, 1);
  }));

Deno.test("a watched file is applied when its content has changed and stays, not while it is written", () =>
  withBench(async (bench) => {
    await bench.pass(5000);
    assert.equal(bench.applied.length, 0, "nothing has changed");
    bench.text = "singleNode: true\n";
    await bench.pass(1000);
    bench.text = `${GOOD}logLevel: err`;
    await bench.pass(100);
    bench.text = `${GOOD}logLevel: error\n`;
    await bench.pass(1200);
    assert.deepEqual(bench.applied.map(({ logLevel }) => logLevel), ["error"]);
    assert.deepEqual(bench.lines.filter((line) => line.startsWith("error")), [], "halves are not looked at");
    bench.text = `${GOOD}watchConfig: true\n`;
    await bench.pass(500);
    bench.text = `${GOOD}logLevel: error\n`;
    await bench.pass(5000);
    assert.equal(bench.applied.length, 1, "what was there a moment before is no change");
  }, true));

Deno.test("a bad file is told of once, as is one that is away", () =>
  withBench(async (bench) => {
    bench.text = `${GOOD}logLevel: loud\n`;
    await bench.pass(10_000);
    assert.equal(bench.said().length, 2);
    bench.text = null;
    await bench.pass(10_000);
    assert.deepEqual(bench.said(), ["error Cannot read the configuration No such file"]);
    bench.text = `${GOOD}logLevel: loud\n`;
    await bench.pass(10_000);
    assert.deepEqual(bench.said(), [], "the same one is known");
    bench.text = GOOD;
    await bench.pass(2000);
    assert.equal(bench.applied.length, 1);
  }, true));

Deno.test("a configuration turns watching on and off", () =>
  withBench(async (bench, reloader) => {
    assert.equal(bench.clock.pending, 0);
    bench.text = `${GOOD}watchConfig: true\n`;
    reloader.request();
    await bench.settle();
    assert.equal(bench.clock.pending, 1);
    bench.text = GOOD;
    await bench.pass(2000);
    assert.deepEqual(bench.applied.map(({ watchConfig }) => watchConfig), [true, false]);
    assert.equal(bench.clock.pending, 0);
  }));
