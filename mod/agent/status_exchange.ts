/**
 * Asks the other members for their status over the authenticated channel they already share, so that `kube-vip status` works on any
 * member and no further port is open.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { MemberId } from "../election/raft/types.ts";

/** One multiplexed channel of the members' transport. */
export interface Channel {
  send(to: MemberId, payload: Uint8Array): void;
  onReceive: (from: MemberId, payload: Uint8Array) => void;
}

/** Largest payload a member sends: a datagram of the transport. */
export const STATUS_LIMIT_BYTES = 60_000;
/** Questions that may be open at a time; the oldest is given up first. */
const OPEN_LIMIT = 16;
/** A lost datagram is asked for again after this. */
const REPEAT_MS = 150;

type Envelope = { readonly ask: number } | { readonly answer: number; readonly status: unknown };

interface Question {
  readonly waiting: Set<MemberId>;
  readonly answers: Map<MemberId, unknown>;
  readonly timers: Timer[];
  readonly finish: () => void;
}

/** Both sides of the exchange: answers others and asks them. Stopped by its owner. */
export class StatusExchange {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #own: () => unknown;
  readonly #open = new Map<number, Question>();
  #nextId = 1;

  constructor(options: { readonly channel: Channel; readonly clock: Clock; readonly own: () => unknown }) {
    this.#channel = options.channel;
    this.#clock = options.clock;
    this.#own = options.own;
    this.#channel.onReceive = (from, payload) => this.#received(from, payload);
  }

  /** The status of each member that answers within `limitMs`; members that do not are missing from the map. */
  gather(members: readonly MemberId[], limitMs: number): Promise<Map<MemberId, unknown>> {
    const done = Promise.withResolvers<Map<MemberId, unknown>>();
    const id = this.#nextId++;
    const answers = new Map<MemberId, unknown>();
    const timers: Timer[] = [];
    const finish = (): void => {
      for (const timer of timers) timer.cancel();
      this.#open.delete(id);
      done.resolve(answers);
    };
    const question: Question = { waiting: new Set(members), answers, timers, finish };
    this.#makeRoom();
    this.#open.set(id, question);
    timers.push(this.#clock.after(limitMs, finish));
    this.#ask(id, question);
    if (members.length === 0) finish();
    return done.promise;
  }

  /** Gives up every open question. */
  stop(): void {
    for (const question of [...this.#open.values()]) question.finish();
    this.#channel.onReceive = () => {};
  }

  #makeRoom(): void {
    if (this.#open.size < OPEN_LIMIT) return;
    const oldest = this.#open.values().next().value;
    oldest?.finish();
  }

  #ask(id: number, question: Question): void {
    question.timers.push(this.#clock.after(REPEAT_MS, () => this.#ask(id, question)));
    for (const member of [...question.waiting]) this.#send(member, { ask: id });
  }

  #send(to: MemberId, envelope: Envelope): void {
    const payload = new TextEncoder().encode(JSON.stringify(envelope));
    if (payload.length <= STATUS_LIMIT_BYTES) this.#channel.send(to, payload);
    else if ("answer" in envelope) this.#send(to, { answer: envelope.answer, status: null });
  }

  #received(from: MemberId, payload: Uint8Array): void {
    const envelope = parseEnvelope(payload);
    if (envelope === null) return;
    if ("ask" in envelope) {
      this.#send(from, { answer: envelope.ask, status: this.#own() });
      return;
    }
    const question = this.#open.get(envelope.answer);
    if (question === undefined || !question.waiting.delete(from)) return;
    question.answers.set(from, envelope.status);
    if (question.waiting.size === 0) question.finish();
  }
}

/** The envelope in a payload, or null if it is none: a member of another version may say things we do not know. */
function parseEnvelope(payload: Uint8Array): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  if ("ask" in value && typeof value.ask === "number") return { ask: value.ask };
  if ("answer" in value && typeof value.answer === "number" && "status" in value) {
    return { answer: value.answer, status: value.status };
  }
  return null;
}
