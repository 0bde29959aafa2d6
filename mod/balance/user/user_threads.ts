/** The threads of the engine `user`, shared by its balancers: made when the first needs them, ended when the last has gone. */
import { workerEntry } from "../worker_entry.ts";
import type { Clock } from "../../base/clock.ts";
import { openWakeUp, wakeUp } from "../../linux/epoll.ts";
import { closeFd } from "../../linux/socket.ts";
import { getLog } from "../../observe/log.ts";
import type { Letter, Order, Report } from "./messages.ts";

/** A thread that has not ended by then is ended by force. */
const END_MS = 2000;
/** A thread that is not ready by then is a failure to start: a busy board with a slow card takes seconds. */
const READY_MS = 60_000;

/** Whoever has balancers in threads. */
export interface ThreadUser {
  /** Something happened to its balancer in the thread with this index. */
  reported(report: Report, thread: number): void;
}

/** One Worker and what it needs. */
class Thread {
  readonly index: number;
  readonly users = new Map<number, ThreadUser>();
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #wakeUpFd = openWakeUp();
  readonly #pending = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #counted = new Int32Array(this.#pending);

  constructor(index: number, clock: Clock) {
    this.index = index;
    const [ready, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isReady = false;
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.#worker = new Worker(workerEntry("worker", import.meta.url), { type: "module", name: `balancer ${index}` });
    const late = clock.after(READY_MS, () => ready.reject(new Error(`no thread within ${READY_MS} ms`)));
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data.op === "ready") {
        late.cancel();
        isReady = true;
        ready.resolve();
      } else if (data.op === "ended") ended.resolve();
      else this.#pass(data);
    };
    this.#worker.onerror = (event) => {
      // Its sockets stay open without anybody to serve or close them: clients would wait for ever. Not prevented, the error ends the
      // process, and the kernel all of its connections; another node takes over.
      if (isReady) return getLog("balance").error("A thread broke down", { thread: index, reason: event.message });
      event.preventDefault();
      late.cancel();
      ready.reject(new Error(event.message));
    };
    // Whoever starts waits for it; nobody else has to.
    this.ready.catch(() => {});
    this.post();
  }

  post(...orders: Order[]): void {
    Atomics.add(this.#counted, 0, 1);
    const letter: Letter = { orders, pending: this.#pending, wakeUpFd: this.#wakeUpFd };
    this.#worker.postMessage(letter);
    wakeUp(this.#wakeUpFd);
  }

  /** Nothing runs any more when it resolves. */
  async end(clock: Clock): Promise<void> {
    this.post({ op: "end" });
    const late = Promise.withResolvers<void>();
    const timer = clock.after(END_MS, late.resolve);
    await Promise.race([this.ended, late.promise]);
    timer.cancel();
    this.#worker.terminate();
    closeFd(this.#wakeUpFd);
  }

  #pass(report: Report): void {
    if ("id" in report && report.id !== null) return this.users.get(report.id)?.reported(report, this.index);
    for (const user of this.users.values()) user.reported(report, this.index);
  }
}

/** The threads of a process. Made by the agent, which closes it after the balancers have stopped. */
export class UserThreads {
  readonly #clock: Clock;
  readonly #threads: Thread[] = [];
  readonly #ending = new Set<Promise<void>>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many there are now. */
  get size(): number {
    return this.#threads.length;
  }

  /** A balancer joins the first `count` threads; they are made if there are fewer. Gives its number. Throws SysError. */
  join(user: ThreadUser, count: number): number {
    const id = ++this.#lastId;
    while (this.#threads.length < count) this.#threads.push(new Thread(this.#threads.length, this.#clock));
    for (const thread of this.#threads.slice(0, count)) thread.users.set(id, user);
    return id;
  }

  /** Resolves when the first `count` threads run; rejects when one of them cannot. */
  async ready(count: number): Promise<void> {
    await Promise.all(this.#threads.slice(0, count).map((thread) => thread.ready));
  }

  post(index: number, ...orders: Order[]): void {
    this.#threads[index]?.post(...orders);
  }

  /** A balancer has gone. Threads that nobody needs end. Resolves when they have. */
  async leave(id: number): Promise<void> {
    for (const thread of this.#threads) thread.users.delete(id);
    while (this.#threads.at(-1)?.users.size === 0) this.#end(this.#threads.pop());
    await Promise.all(this.#ending);
  }

  /** Ends every thread, whoever needs it. */
  async close(): Promise<void> {
    for (const thread of this.#threads.splice(0)) this.#end(thread);
    await Promise.all(this.#ending);
  }

  #end(thread: Thread | undefined): void {
    if (thread === undefined) return;
    const ending = thread.end(this.#clock).catch((error: unknown) => {
      getLog("balance").error("A thread did not end", { reason: String(error) });
    });
    this.#ending.add(ending);
    ending.then(() => this.#ending.delete(ending));
  }
}
