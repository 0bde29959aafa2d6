/** What the programs of routers have in common. */

import type { Family } from "../../mod/net/bgp/types.ts";
import type { RouterConfig, RouterKind, RouterSession, TableRoute } from "./types.ts";

/** Where a router runs. */
export interface RouterPlace {
  /** Its own, for configuration and control sockets. */
  readonly directory: string;
  /** Its addresses on the network. */
  readonly ip4: string;
  readonly ip6: string;
}

/** One process of a router. */
export interface RouterProcess {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Resolves when the next one may start, throws while it may not; null: at once. */
  readonly ready: (() => Promise<unknown>) | null;
}

/** What can be done to a neighbour: ended and begun again, ended with a text, begun. */
export type PeerAction =
  | { readonly do: "clear" }
  | { readonly do: "shutdown"; readonly text: string }
  | { readonly do: "enable" };

/** One kind of router. */
export interface Software {
  readonly kind: RouterKind;
  /** Whether the routes that it learns get into the kernel. */
  readonly installs: boolean;
  /** Writes the configuration. */
  write(place: RouterPlace, config: RouterConfig): void;
  /** In starting order. */
  processes(place: RouterPlace): readonly RouterProcess[];
  /** Resolves when it answers; throws while it does not. */
  ready(place: RouterPlace, config: RouterConfig): Promise<void>;
  /** Uses a configuration that was written. */
  reload(place: RouterPlace, change: { readonly from: RouterConfig; readonly to: RouterConfig }): Promise<void>;
  sessions(place: RouterPlace, config: RouterConfig): Promise<RouterSession[]>;
  routes(place: RouterPlace, config: RouterConfig, family: Family): Promise<TableRoute[]>;
  act(
    place: RouterPlace,
    config: RouterConfig,
    peer: { readonly peer: string; readonly action: PeerAction },
  ): Promise<void>;
}
