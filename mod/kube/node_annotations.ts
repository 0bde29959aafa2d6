/** Follows the annotations of the own Node. */

import { getLog, type Log } from "../observe/log.ts";
import type { KubeClient, KubeObject, Watch, WatchListener } from "./api.ts";

const NODES = "/api/v1/nodes";
/** What upstream selects the Node by. */
const HOST_NAME_LABEL = "kubernetes.io/hostname";
/** Of a label's value, as the API takes it. */
const LONGEST_LABEL = 63;

export type Annotations = Readonly<Record<string, string>>;

export interface NodeAnnotationsOptions {
  /** Not closed by this. */
  readonly client: KubeClient;
  /** Name of the Node, or of its host. */
  readonly node: string;
  /** Only annotations `prefix/…` are looked at; what else changes on a Node is nobody's business here. */
  readonly prefix: string;
  /** Told at the start and at each change, never twice the same; null: there is no such Node. */
  readonly onChange: (annotations: Annotations | null) => void;
  readonly log?: Log;
}

/** The Node that has the name, and where there is none, the one with that name of a host. */
export class NodeAnnotationsWatch {
  readonly #options: NodeAnnotationsOptions;
  readonly #log: Log;
  readonly #byName: Selection;
  readonly #byHost: Selection;
  /** As text; undefined: nothing has been told yet. */
  #told: string | null | undefined = undefined;
  #state: "new" | "running" | "closed" = "new";

  constructor(options: NodeAnnotationsOptions) {
    this.#options = options;
    this.#log = options.log ?? getLog("kube");
    const { client, node } = options;
    const onChange = (): void => this.#decide();
    const onBroken = (cause: string): void => this.#log.warning("The own Node cannot be followed", { node, cause });
    const onWorking = (): void => this.#log.debug("The own Node is followed", { node });
    const tell = { onChange, onBroken, onWorking };
    this.#byName = new Selection(client, { fieldSelector: `metadata.name=${node}` }, tell);
    this.#byHost = new Selection(client, { labelSelector: `${HOST_NAME_LABEL}=${node}` }, tell);
  }

  /** Begins. Once. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#byName.open();
  }

  /** Nobody is told anything after this. Idempotent. */
  close(): void {
    this.#state = "closed";
    this.#byName.close();
    this.#byHost.close();
  }

  #decide(): void {
    if (this.#state !== "running") return;
    const named = this.#byName.node;
    if (named === undefined) return;
    if (named !== null) {
      this.#byHost.close();
      return this.#tell(named);
    }
    if (this.#options.node.length > LONGEST_LABEL) return this.#tell(null);
    this.#byHost.open();
    if (this.#byHost.node !== undefined) this.#tell(this.#byHost.node);
  }

  #tell(node: KubeObject | null): void {
    const annotations = node === null ? null : this.#ours(node);
    const text = annotations === null ? null : JSON.stringify(annotations);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onChange(annotations);
  }

  /** In one order, so that equal annotations are equal texts. */
  #ours(node: KubeObject): Annotations {
    const prefix = `${this.#options.prefix}/`;
    const entries = Object.entries(node.metadata?.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
    return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
  }
}

interface Told {
  onChange(): void;
  onBroken(cause: string): void;
  onWorking(): void;
}

/** The first Node of a selection, while it is open. */
class Selection {
  readonly #client: KubeClient;
  readonly #selector: { readonly fieldSelector: string } | { readonly labelSelector: string };
  readonly #told: Told;
  readonly #nodes = new Map<string, KubeObject>();
  #watch: Watch | null = null;
  #listed = false;

  constructor(
    client: KubeClient,
    selector: { readonly fieldSelector: string } | { readonly labelSelector: string },
    told: Told,
  ) {
    this.#client = client;
    this.#selector = selector;
    this.#told = told;
  }

  /** undefined: not known yet; null: there is none. */
  get node(): KubeObject | null | undefined {
    if (!this.#listed) return undefined;
    const names = [...this.#nodes.keys()].sort();
    return this.#nodes.get(names[0] ?? "") ?? null;
  }

  open(): void {
    if (this.#watch !== null) return;
    const listener: WatchListener<KubeObject> = {
      listed: (nodes) => {
        this.#listed = true;
        this.#nodes.clear();
        for (const node of nodes) this.#nodes.set(nameOf(node), node);
        this.#told.onChange();
      },
      changed: (node) => {
        this.#nodes.set(nameOf(node), node);
        this.#told.onChange();
      },
      deleted: (node) => {
        this.#nodes.delete(nameOf(node));
        this.#told.onChange();
      },
      health: (state, cause) => state === "broken" ? this.#told.onBroken(cause) : this.#told.onWorking(),
    };
    this.#watch = this.#client.watch({ path: NODES, ...this.#selector }, listener);
  }

  close(): void {
    this.#watch?.stop();
    this.#watch = null;
    this.#listed = false;
    this.#nodes.clear();
  }
}

function nameOf(node: KubeObject): string {
  return node.metadata?.name ?? "";
}
