import assert from "node:assert/strict";

const MODULE = new URL("../../mod/agent/stop_signals.ts", import.meta.url).href;

/** A process that listens to signals, and says what it hears: those of the tests themselves end the tests. */
class Listener {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param onStop what it does when it is told to stop, besides saying so */
  constructor(onStop = "") {
    const code = `
      import { StopSignals } from ${JSON.stringify(MODULE)};
      const signals = new StopSignals();
      setInterval(() => {}, 1000);
      signals.onSecond = () => console.log("second");
      signals.onDump = () => console.log("dump", signals.stopped);
      signals.stop.then((signal) => {
        ${onStop}
        console.log(signal, signals.stopped);
      });
      console.log("ready");
    `;
    this.#child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  }

  async says(line: string): Promise<void> {
    assert.equal((await this.#lines.next()).value, `${line}\n`);
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** The signal that ended it. */
  async end(): Promise<Deno.Signal | null> {
    const { signal } = await this.#child.status;
    await this.#lines.return?.();
    return signal;
  }
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`${signal} says stop, and every further signal is told by itself`, async () => {
    const listener = new Listener();
    await listener.says("ready");
    listener.signal(signal);
    await listener.says(`${signal} true`);
    for (const again of ["SIGTERM", signal] as const) {
      listener.signal(again);
      await listener.says("second");
    }
    listener.signal("SIGKILL");
    assert.equal(await listener.end(), "SIGKILL");
  });
}

Deno.test("SIGUSR1 asks for a dump, every time, and says nothing about a stop", async () => {
  const listener = new Listener();
  await listener.says("ready");
  for (let times = 0; times < 2; times++) {
    listener.signal("SIGUSR1");
    await listener.says("dump false");
  }
  listener.signal("SIGKILL");
  await listener.end();
});

for (const signal of ["SIGTERM", "SIGUSR1"] as const) {
  Deno.test(`once closed, ${signal} does again what it does by default`, async () => {
    const listener = new Listener("signals.close();");
    await listener.says("ready");
    listener.signal("SIGTERM");
    await listener.says("SIGTERM true");
    listener.signal(signal);
    assert.equal(await listener.end(), signal);
  });
}
