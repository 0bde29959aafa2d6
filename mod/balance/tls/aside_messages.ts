/** What the two sides of a balancer that runs in a thread of its own say to each other. */
import type { ForwardedLine } from "../../observe/log_forward.ts";
import type { BalancerStatus } from "../balancer.ts";
import type { PostedConfig } from "../user/messages.ts";

/** To the thread. */
export type AsideOrder =
  | { readonly op: "start"; readonly config: PostedConfig }
  | { readonly op: "bind"; readonly ip: string }
  | { readonly op: "release"; readonly ip: string }
  | { readonly op: "update"; readonly config: PostedConfig }
  /** `mayBeSucceeded`: another balancer may have the port when connections are cut. */
  | { readonly op: "stop"; readonly mayBeSucceeded: boolean };

/** From the thread. */
export type AsideReport =
  | { readonly op: "started" }
  /** The parts of the BalancerError. */
  | { readonly op: "failed"; readonly operation: string; readonly subject: string; readonly reason: string }
  | { readonly op: "status"; readonly status: BalancerStatus }
  | { readonly op: "log"; readonly line: ForwardedLine }
  | { readonly op: "stopped" };
