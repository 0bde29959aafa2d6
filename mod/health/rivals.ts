/**
 * Whether another API server of the cluster is well: a node whose own is gone hands over if one is, and through it, and keeps the address
 * if none is. Their addresses are learnt while the own server works, and remembered when it does not.
 */

import type { Clock, Timer } from "../base/clock.ts";
import type { KubeClient } from "../kube/api.ts";
import { getLog } from "../observe/log.ts";
import { askServer, SERVER_CHECK } from "./livez.ts";
import { type EndpointSliceList, otherServers, SLICES_PATH, SLICES_QUERY } from "./slices.ts";

const log = getLog("health");

/** API servers come and go with machines: rarely. */
const LEARN_EVERY_MS = 60_000;
const LEARN_AGAIN_MS = 10_000;
const LEARN_LIMIT_MS = 5000;
/** As long as the questions may take, so that rounds do not overlap. */
const ROUND_MS = SERVER_CHECK.limitMs;

export interface RivalWatchOptions {
  /** Of the local server; forked for what is asked here. */
  readonly client: KubeClient;
  readonly clock: Clock;
  /** As for the check of the own server: one whose etcd is gone is no rival, though its `/livez` is well. null: `/livez` only. */
  readonly objectPath: string | null;
  /** Canonical texts of this machine's addresses and of every managed one: what answers there is not another server for sure. */
  readonly own: () => ReadonlySet<string>;
}

/** See the head of this file. */
export class RivalWatch {
  /** Called after every change of {@link rival}. */
  onChange: (rival: string | null) => void = () => {};
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #objectPath: string | null;
  readonly #own: () => ReadonlySet<string>;
  /** Connections to the others, while they are needed. */
  readonly #others = new Map<string, KubeClient>();
  readonly #asking = new Set<string>();
  /** In the order in which they came to be well. */
  readonly #well = new Set<string>();
  #state: "new" | "running" | "closed" = "new";
  #servers: readonly string[] = [];
  #learnt: "not yet" | "yes" | "refused" = "not yet";
  #rival: string | null = null;
  #needed = false;
  #learnTimer: Timer | null = null;
  #roundTimer: Timer | null = null;
  /** Answers of an earlier need are not heard. */
  #need = 0;

  constructor(options: RivalWatchOptions) {
    this.#client = options.client.fork();
    this.#clock = options.clock;
    this.#objectPath = options.objectPath;
    this.#own = options.own;
  }

  /** Begins to learn the addresses. Idempotent. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#learn();
  }

  /** Base URLs of the other API servers, as far as they are known. */
  servers(): readonly string[] {
    return this.#servers;
  }

  /** Base URL of another API server that is well; null: none is, as far as is known, or nobody asked {@link needed}. */
  rival(): string | null {
    return this.#rival;
  }

  /** Looks for a rival from now on, or stops it. */
  needed(yes: boolean): void {
    if (yes === this.#needed || this.#state === "closed") return;
    this.#needed = yes;
    this.#need += 1;
    if (yes) this.#round();
    else this.#rest();
  }

  /** Ends everything; no change is told any more. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.onChange = () => {};
    this.#needed = false;
    this.#need += 1;
    this.#learnTimer?.cancel();
    this.#rest();
    this.#client.close();
  }

  #learn(): void {
    this.#read().catch((error: unknown) => log.error("could not learn the other API servers", { cause: String(error) }))
      .finally(() => {
        if (this.#state !== "running") return;
        const waitMs = this.#learnt === "yes" ? LEARN_EVERY_MS : LEARN_AGAIN_MS;
        this.#learnTimer = this.#clock.after(waitMs, () => this.#learn());
      });
  }

  async #read(): Promise<void> {
    const answer = await this.#client.request<EndpointSliceList>({
      method: "GET",
      path: SLICES_PATH,
      query: SLICES_QUERY,
      limitMs: LEARN_LIMIT_MS,
    });
    if (this.#state !== "running") return;
    if (answer.outcome === "ok") {
      this.#learnt = "yes";
      this.#note(otherServers(answer.body, this.#own()));
    } else if (answer.outcome === "refused" && this.#learnt !== "refused") {
      this.#learnt = "refused";
      log.warning("may not read which other API servers there are: hand-over for a lost API server needs them", {
        status: answer.status,
        why: answer.message,
      });
    } else if (answer.outcome === "unreachable" && this.#learnt === "yes") {
      this.#learnt = "not yet";
    }
  }

  #note(servers: readonly string[]): void {
    if (servers.join() === this.#servers.join()) return;
    this.#servers = servers;
    log.info("learnt the other API servers", { servers: servers.join(",") });
    for (const [server, client] of this.#others) {
      if (servers.includes(server)) continue;
      client.close();
      this.#others.delete(server);
      this.#well.delete(server);
    }
    this.#choose();
  }

  /** Asks all servers side by side, each once at a time. */
  #round(): void {
    const need = this.#need;
    this.#roundTimer = this.#clock.after(ROUND_MS, () => this.#round());
    for (const server of this.#servers) {
      if (this.#asking.has(server)) continue;
      this.#asking.add(server);
      this.#ask(server, need)
        .catch((error: unknown) => log.error("could not ask another API server", { server, cause: String(error) }))
        .finally(() => this.#asking.delete(server));
    }
  }

  async #ask(server: string, need: number): Promise<void> {
    const client = this.#others.get(server) ?? this.#client.at(server);
    this.#others.set(server, client);
    const { outcome } = await askServer(client, this.#objectPath);
    if (need !== this.#need || !this.#servers.includes(server)) return;
    if (outcome === "good") this.#well.add(server);
    else this.#well.delete(server);
    this.#choose();
  }

  /** The one that has been well for longest: it stays chosen, so that a hand-over has one server to talk to. */
  #choose(): void {
    const [next] = this.#well;
    const rival = next ?? null;
    if (rival === this.#rival) return;
    this.#rival = rival;
    log.info(rival === null ? "no other API server is well" : "another API server is well", { server: rival });
    this.onChange(rival);
  }

  #rest(): void {
    this.#roundTimer?.cancel();
    for (const client of this.#others.values()) client.close();
    this.#others.clear();
    this.#well.clear();
    if (this.#rival === null) return;
    this.#rival = null;
    this.onChange(null);
  }
}
