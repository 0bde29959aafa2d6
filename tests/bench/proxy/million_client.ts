/**
 * Many requests, each checked, a process of its own: `million_client.ts <host> <port> <requests> <connections>`. Every tenth is a POST.
 * Each connection has one request under way and begins the next when the answer is there. Nothing is tried again. Writes a line for
 * every failure (`failures.ts`) and at the end one of JSON, a {@link Tally}.
 */

import { sharedNow } from "../../lab/time.ts";
import { expectedBody, readAnswer, requestText } from "./answers.ts";
import { type Failure, formatFailure, HUNG_MS, type Tally } from "./failures.ts";
import { beginConnect, closeFd, connectError, POLLIN, POLLOUT, PollSet, receive, say, send } from "./raw.ts";

/** After a refusal, so that a dead port is not asked without pause. */
const PAUSE_MS = 5;
const LOOK_EVERY_MS = 50;
const POST_EVERY = 10;
const BUFFER_BYTES = 65_536;

interface Place {
  fd: number;
  state: "closed" | "connecting" | "idle" | "waiting";
  /** Closed: when to connect again. Else: when it began. */
  sinceMs: number;
  method: string;
  number: number;
  text: string;
}

class Run {
  readonly #host: string;
  readonly #port: number;
  readonly #requests: number;
  readonly #places: readonly Place[];
  readonly #poll: PollSet;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #decoder = new TextDecoder("latin1");
  readonly #encoder = new TextEncoder();
  #next = 0;
  #ended = 0;
  #right = 0;
  #wrong = 0;
  #hung = 0;
  #refused = 0;

  constructor(host: string, port: number, options: { requests: number; connections: number }) {
    this.#host = host;
    this.#port = port;
    this.#requests = options.requests;
    const closed = { fd: -1, state: "closed", sinceMs: 0, method: "", number: 0, text: "" } as const;
    this.#places = Array.from({ length: options.connections }, () => ({ ...closed }));
    this.#poll = new PollSet(options.connections);
  }

  run(): Tally {
    const beganMs = performance.now();
    let lookMs = 0;
    while (this.#ended < this.#requests) {
      const nowMs = sharedNow();
      if (nowMs >= lookMs) {
        this.#look(nowMs);
        lookMs = nowMs + PAUSE_MS;
      }
      if (this.#poll.wait(this.#anyClosed() ? PAUSE_MS : LOOK_EVERY_MS) <= 0) continue;
      for (const [index, place] of this.#places.entries()) if (this.#poll.isReady(index)) this.#ready(index, place);
    }
    return {
      right: this.#right,
      wrong: this.#wrong,
      hung: this.#hung,
      refused: this.#refused,
      seconds: (performance.now() - beganMs) / 1000,
    };
  }

  #anyClosed(): boolean {
    return this.#next < this.#requests && this.#places.some(({ state }) => state === "closed");
  }

  /** Connects who is closed, gives up who waits for too long. */
  #look(nowMs: number): void {
    for (const [index, place] of this.#places.entries()) {
      if (place.state === "closed") {
        if (place.sinceMs <= nowMs && this.#next < this.#requests) this.#connect(index, place);
      } else if (place.state === "waiting" && nowMs - place.sinceMs > HUNG_MS) {
        this.#hung++;
        this.#fail(index, place, "hung");
      } else if (place.state === "connecting" && nowMs - place.sinceMs > HUNG_MS) {
        this.#hung++;
        this.#close(index, place, 0);
      }
    }
  }

  #connect(index: number, place: Place): void {
    place.fd = beginConnect(this.#host, this.#port);
    place.sinceMs = sharedNow();
    if (place.fd < 0) return this.#refuse(index, place);
    place.state = "connecting";
    this.#poll.watch(index, place.fd, POLLOUT);
  }

  #ready(index: number, place: Place): void {
    if (place.state === "waiting") return this.#receive(index, place);
    if (place.state !== "connecting") return this.#close(index, place, 0);
    if (connectError(place.fd) !== 0) return this.#refuse(index, place);
    place.state = "idle";
    this.#send(index, place);
  }

  #send(index: number, place: Place): void {
    if (this.#next >= this.#requests) return this.#close(index, place, 0);
    const number = this.#next++;
    place.number = number;
    place.method = number % POST_EVERY === 0 ? "POST" : "GET";
    place.state = "waiting";
    place.text = "";
    place.sinceMs = sharedNow();
    this.#poll.watch(index, place.fd, POLLIN);
    const request = this.#encoder.encode(requestText(this.#host, place.method, number));
    if (send(place.fd, request) !== request.length) this.#fail(index, place, "cannot send");
  }

  #receive(index: number, place: Place): void {
    const got = receive(place.fd, this.#buffer);
    if (got === null) return;
    const partly = place.text === "" ? "" : " in the middle of an answer";
    if (got <= 0) return this.#fail(index, place, `${got === 0 ? "ended" : `errno ${-got}`}${partly}`);
    place.text += this.#decoder.decode(this.#buffer.subarray(0, got));
    const answer = readAnswer(place.text);
    if (answer.outcome === "partial") return;
    if (answer.outcome === "malformed") return this.#fail(index, place, "malformed");
    if (answer.status !== 200) {
      this.#report(place, `status ${answer.status}`);
    } else if (answer.surplus === 0 && answer.body === expectedBody(place.method, place.number)) {
      this.#right++;
    } else {
      this.#wrong++;
      this.#report(place, "wrong");
    }
    this.#ended++;
    if (answer.closes || answer.surplus > 0) this.#close(index, place, 0);
    else this.#send(index, place);
  }

  #refuse(index: number, place: Place): void {
    this.#refused++;
    this.#close(index, place, PAUSE_MS);
  }

  #fail(index: number, place: Place, why: string): void {
    this.#report(place, why);
    this.#ended++;
    this.#close(index, place, 0);
  }

  #report({ method, sinceMs }: Place, why: string): void {
    const failure: Failure = { method, sentMs: sinceMs, failedMs: sharedNow(), why };
    say(formatFailure(failure));
  }

  #close(index: number, place: Place, pauseMs: number): void {
    if (place.fd >= 0) closeFd(place.fd);
    this.#poll.watch(index, -1, 0);
    place.fd = -1;
    place.state = "closed";
    place.sinceMs = sharedNow() + pauseMs;
  }
}

if (import.meta.main) {
  const [host = "", ...numbers] = Deno.args;
  const [port = 0, requests = 0, connections = 0] = numbers.map(Number);
  say(JSON.stringify(new Run(host, port, { requests, connections }).run()));
  Deno.exit(0);
}
