/** Follows the Nodes of the control plane: where there are API servers. */

import { parseIp } from "../net/ip.ts";
import { getLog, type Log } from "../observe/log.ts";
import type { KubeClient, KubeObject, Watch } from "./api.ts";
import { isRecord } from "./objects.ts";

const NODES = "/api/v1/nodes";
/** kubeadm and its like put it on every Node with an API server; its value is empty or `true`. */
const ROLE_LABEL = "node-role.kubernetes.io/control-plane";
/** More Nodes than that are no control plane. */
const MOST_NODES = 64;

/** A Node that is ready. */
export interface ControlPlaneNode {
  readonly name: string;
  /** Canonical texts of its addresses of type InternalIP. */
  readonly addresses: readonly string[];
}

export interface ControlPlaneNodesOptions {
  /** Not closed by this. */
  readonly client: KubeClient;
  /** Told once the Nodes are known and at each change, never twice the same; by name. */
  readonly onChange: (ready: readonly ControlPlaneNode[]) => void;
  readonly log?: Log;
}

/** While the API server is out of reach, the Nodes are what they were. */
export class ControlPlaneNodes {
  readonly #options: ControlPlaneNodesOptions;
  readonly #log: Log;
  readonly #ready = new Map<string, ControlPlaneNode>();
  #told = "";
  #watch: Watch | null = null;
  #isClosed = false;

  constructor(options: ControlPlaneNodesOptions) {
    this.#options = options;
    this.#log = options.log ?? getLog("kube");
  }

  /** Begins. Once. */
  start(): void {
    if (this.#watch !== null || this.#isClosed) return;
    this.#watch = this.#options.client.watch<KubeObject>({ path: NODES, labelSelector: ROLE_LABEL }, {
      listed: (nodes) => {
        this.#ready.clear();
        for (const node of nodes) this.#note(node);
        this.#tell();
      },
      changed: (node) => {
        this.#note(node);
        this.#tell();
      },
      deleted: (node) => {
        this.#ready.delete(nameOf(node));
        this.#tell();
      },
      health: (state, cause) => {
        if (state === "following") this.#log.debug("The Nodes of the control plane are followed");
        else this.#log.warning("The Nodes of the control plane cannot be followed", { cause });
      },
    });
  }

  /** Nobody is told anything after this. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.stop();
  }

  #note(node: KubeObject): void {
    const name = nameOf(node);
    const addresses = isReady(node) ? internalAddresses(node) : [];
    if (addresses.length === 0) this.#ready.delete(name);
    else this.#ready.set(name, { name, addresses });
  }

  #tell(): void {
    const ready = [...this.#ready.values()].sort((a, b) => a.name < b.name ? -1 : 1).slice(0, MOST_NODES);
    const text = JSON.stringify(ready);
    if (this.#isClosed || text === this.#told) return;
    this.#told = text;
    this.#options.onChange(ready);
  }
}

function nameOf(node: KubeObject): string {
  return node.metadata?.name ?? "";
}

function isReady(node: KubeObject): boolean {
  return itemsOf(node, "conditions").some(({ type, status }) => type === "Ready" && status === "True");
}

/** Each once, in the Node's order. */
function internalAddresses(node: KubeObject): string[] {
  const texts = itemsOf(node, "addresses").flatMap(({ type, address }) => {
    const ip = type === "InternalIP" && typeof address === "string" ? parseIp(address) : null;
    return ip === null ? [] : [ip.text];
  });
  return [...new Set(texts)];
}

/** The objects of a list in the Node's status. */
function itemsOf(node: KubeObject, field: string): Readonly<Record<string, unknown>>[] {
  const status: unknown = Reflect.get(node, "status");
  const items = isRecord(status) ? status[field] : null;
  return Array.isArray(items) ? items.filter(isRecord) : [];
}
