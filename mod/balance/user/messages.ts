/** What the main thread and the threads of the engine say to each other. */
import type { BalancerConfig, HttpBalancerConfig } from "../../config/types.ts";
import type { IdleFate } from "../balancer.ts";
import type { PoolChange } from "../pool.ts";
import type { CheckResult } from "../health.ts";
import type { Destination } from "./types.ts";

/** A configuration that can be posted: a URL cannot. */
export type PostedConfig =
  | Exclude<BalancerConfig, HttpBalancerConfig>
  | (Omit<HttpBalancerConfig, "backends"> & { readonly backends: readonly { url: string; weight: number }[] });

/** A configuration and what goes with each of its backends, in the same order. */
export interface PostedBackends {
  readonly config: PostedConfig;
  /** Where each counts. */
  readonly slots: readonly number[];
  readonly destinations: readonly (Destination | null)[];
}

/** To a thread. `id` is the balancer's. Descriptors of listening sockets are the thread's from then on: it closes them. */
export type Order =
  | {
    readonly op: "open";
    readonly id: number;
    readonly backends: PostedBackends;
    readonly counters: SharedArrayBuffer;
    readonly clients: SharedArrayBuffer;
  }
  | { readonly op: "listen"; readonly id: number; readonly fd: number }
  /** `fds` are of listening sockets that have ended; connections to `ip` are cut. */
  | { readonly op: "release"; readonly id: number; readonly ip: string; readonly fds: readonly number[] }
  /** Another balancer is to have these listening sockets: said back by `yielded`, after which this thread does not touch them. */
  | { readonly op: "yield"; readonly id: number; readonly fds: readonly number[] }
  | { readonly op: "update"; readonly id: number; readonly backends: PostedBackends }
  | { readonly op: "destinations"; readonly id: number; readonly destinations: readonly (Destination | null)[] }
  /** A check has changed the state of a backend: `place` is its place in the configuration. */
  | { readonly op: "checked"; readonly id: number; readonly place: number; readonly result: CheckResult }
  /** Accept no more, end what is idle, say `empty` when nothing is left. */
  | { readonly op: "drain"; readonly id: number; readonly idle: IdleFate }
  | { readonly op: "cut"; readonly id: number }
  /** The balancer is over: nothing of it is needed any more. */
  | { readonly op: "close"; readonly id: number }
  | { readonly op: "end" };

/** From a thread. */
export type Report =
  | { readonly op: "ready" }
  /** A backend rests, or is used again; its slot. */
  | { readonly op: "changed"; readonly id: number; readonly slot: number; readonly change: PoolChange }
  /** A connect has failed, at most once a second for a backend: its address may be another now. */
  | { readonly op: "unreached"; readonly id: number; readonly place: number }
  | { readonly op: "yielded"; readonly id: number; readonly fds: readonly number[] }
  | { readonly op: "empty"; readonly id: number }
  | { readonly op: "full"; readonly id: number }
  | { readonly op: "accept failed"; readonly id: number; readonly reason: string }
  /** A fault of the program: `id` is null where it is nobody's. */
  | { readonly op: "fault"; readonly id: number | null; readonly reason: string }
  | { readonly op: "ended" };

/** One message to a thread. */
export interface Letter {
  readonly orders: readonly Order[];
  /** Letters that were posted and not taken yet: written by both. */
  readonly pending: SharedArrayBuffer;
  readonly wakeUpFd: number;
}

/** The configuration as it can be posted. */
export function posted(config: BalancerConfig): PostedConfig {
  if (config.type !== "http") return config;
  return { ...config, backends: config.backends.map(({ url, weight }) => ({ url: url.href, weight })) };
}

/** The configuration as it was. */
export function unposted(config: PostedConfig): BalancerConfig {
  if (config.type !== "http") return config;
  return { ...config, backends: config.backends.map(({ url, weight }) => ({ url: new URL(url), weight })) };
}
