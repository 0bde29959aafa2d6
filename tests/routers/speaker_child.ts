/** The speaker's process as its test sees it. */

import type { PeerReport } from "../../mod/bgp/types.ts";
import { Child } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import { Changes, sleep } from "../lab/time.ts";
import type { Answer, Order, SpokenConfig, SpokenMemory } from "./speaker_protocol.ts";
import type { Waited } from "./router.ts";

const PROGRAM = new URL("speaker.ts", import.meta.url).pathname;
/** As the compiled program is, and able to collect its garbage when asked. */
const FLAGS = "--v8-flags=--optimize-for-size,--expose-gc";
const READY_MS = 30_000;
const ANSWER_MS = 10_000;
const POLL_MS = 10;
const PAGE_BYTES = 4096;

/** A running speaker. Ended by its laboratory at the latest. */
export class SpeakerChild {
  readonly machine: Machine;
  readonly #changes = new Changes();
  readonly #answers = new Map<number, Answer>();
  readonly #config: SpokenConfig;
  #child: Child;
  #orders = 0;

  private constructor(machine: Machine, config: SpokenConfig) {
    this.machine = machine;
    this.#config = config;
    this.#child = this.#launch();
  }

  /** Starts one; resolves when its sessions begin. */
  static async start(machine: Machine, config: SpokenConfig): Promise<SpeakerChild> {
    const speaker = new SpeakerChild(machine, config);
    try {
      await speaker.#begin();
    } catch (error) {
      await speaker.kill();
      throw error;
    }
    return speaker;
  }

  get child(): Child {
    return this.#child;
  }

  get log(): readonly string[] {
    return this.#child.log;
  }

  async announce(...ips: readonly string[]): Promise<void> {
    await this.#order({ do: "announce", ips, term: null });
  }

  /** As the holder that was elected for this term. */
  async announceUnder(term: number, ...ips: readonly string[]): Promise<void> {
    await this.#order({ do: "announce", ips, term });
  }

  async withdraw(...ips: readonly string[]): Promise<void> {
    await this.#order({ do: "withdraw", ips });
  }

  async drain(...ips: readonly string[]): Promise<void> {
    await this.#order({ do: "drain", ips });
  }

  /** All that is announced at start is known (graceful restart). */
  async ready(): Promise<void> {
    await this.#order({ do: "ready" });
  }

  async reconfigure(config: SpokenConfig): Promise<void> {
    await this.#order({ do: "reconfigure", config });
  }

  async reports(): Promise<readonly PeerReport[]> {
    return (await this.#order({ do: "report" })).reports ?? [];
  }

  /** The report on one peer. */
  async report(name: string): Promise<PeerReport> {
    const found = (await this.reports()).find((report) => report.name === name);
    if (found === undefined) throw new Error(`the speaker knows no peer ${name}`);
    return found;
  }

  /** What it takes of memory and descriptors after its garbage was collected. */
  async memory(): Promise<SpokenMemory> {
    const { memory } = await this.#order({ do: "memory" });
    if (memory === undefined) throw new Error("the speaker did not tell its memory");
    return memory;
  }

  /** Its resident memory as the kernel counts it now, garbage included. */
  residentBytes(): number {
    const [, resident = "0"] = Deno.readTextFileSync(`/proc/${this.#child.pid}/statm`).split(" ");
    return Number(resident) * PAGE_BYTES;
  }

  /** Withdraws everything, says goodbye and ends. */
  async close(): Promise<void> {
    await this.#order({ do: "close" });
    await this.#child.stop("SIGKILL");
  }

  /** SIGKILL: it ends without a word. */
  async kill(): Promise<void> {
    await this.#child.stop("SIGKILL");
  }

  /** Begins again after its end. */
  async again(): Promise<void> {
    this.#answers.clear();
    this.#orders = 0;
    this.#child = this.#launch();
    await this.#begin();
  }

  /** SIGSTOP: it hangs. */
  pause(): void {
    this.#child.signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.signal("SIGCONT");
  }

  /** Looks every few milliseconds until the report on a peer is as wanted. Throws, with the log, when `limitMs` pass without. */
  async waitReport(
    name: string,
    limitMs: number,
    wanted: (report: PeerReport) => boolean,
  ): Promise<Waited<PeerReport>> {
    const fromMs = performance.now();
    for (;;) {
      const report = await this.report(name);
      const tookMs = performance.now() - fromMs;
      if (wanted(report)) return { value: report, tookMs };
      if (tookMs > limitMs) {
        const log = this.log.slice(-40).join("\n");
        throw new Error(`the speaker reports ${JSON.stringify(report)} after ${limitMs} ms\n${log}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Waits until a session is up; gives the milliseconds it took. */
  async waitUp(name: string, limitMs: number): Promise<number> {
    return (await this.waitReport(name, limitMs, ({ state }) => state === "established")).tookMs;
  }

  #launch(): Child {
    const argv = [Deno.execPath(), "run", "-A", "--no-lock", FLAGS, PROGRAM];
    const onLine = (line: string): void => this.#heard(line);
    return Child.start(argv, { name: `speaker on ${this.machine.name}`, inside: this.machine.inside, onLine });
  }

  async #begin(): Promise<void> {
    await this.#child.write(`${JSON.stringify(this.#config)}\n`);
    await this.#answer(this.#orders++, READY_MS);
  }

  async #order(order: Order): Promise<Answer> {
    const number = this.#orders++;
    await this.#child.write(`${JSON.stringify(order)}\n`);
    return await this.#answer(number, ANSWER_MS);
  }

  #answer(number: number, limitMs: number): Promise<Answer> {
    const look = (): Answer | null => {
      const found = this.#answers.get(number);
      if (found === undefined && this.#child.status !== null) {
        throw new Error(`${this.#child.name} ended:\n${this.log.slice(-40).join("\n")}`);
      }
      this.#answers.delete(number);
      return found ?? null;
    };
    return this.#changes.until(look, limitMs, `answer ${number} of ${this.#child.name}`);
  }

  #heard(line: string): void {
    const answer: Answer = JSON.parse(line);
    this.#answers.set(answer.answer, answer);
    this.#changes.changed();
  }
}
