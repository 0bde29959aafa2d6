/** Who may talk to the API servers, and how each says who it is. */

import type { Machine } from "../lab/network.ts";
import { Authority, type Identity } from "./certificates.ts";

/** The user that may do everything. */
export const ADMIN = "admin";
const ADMINISTRATORS = "system:masters";

/** The user that the product is on a node, bound by the role of `rbac.ts`. */
export function nodeUser(machine: Machine): string {
  return `kube-vip-${machine.name}`;
}

/** The users of one cluster; each has a certificate and, except for the administrator, a token. */
export class Users {
  readonly authority: Authority = new Authority("laboratory");
  readonly #identities = new Map<string, Identity>();
  readonly #tokens: ReadonlyMap<string, string>;

  /** Tokens are for the users that are known at start, because the servers read them once. */
  constructor(names: readonly string[]) {
    this.#tokens = new Map(names.map((name) => [name, crypto.randomUUID()]));
  }

  /** The user's certificate; a name that has none yet gets one. */
  identity(name: string): Identity {
    const known = this.#identities.get(name);
    if (known !== undefined) return known;
    const made = this.authority.client(name, name === ADMIN ? [ADMINISTRATORS] : []);
    this.#identities.set(name, made);
    return made;
  }

  /** The user's bearer token. */
  token(name: string): string {
    const token = this.#tokens.get(name);
    if (token === undefined) throw new Error(`${name} has no token`);
    return token;
  }

  /** What `--token-auth-file` reads. */
  tokenFile(): string {
    return [...this.#tokens].map(([name, token]) => `${token},${name},${name}\n`).join("");
  }

  /** A kubeconfig file (JSON is YAML) for one user at one server, with everything in it. */
  kubeconfig(name: string, server: string): string {
    const { certificate, key } = this.identity(name);
    const user = { "client-certificate-data": btoa(certificate), "client-key-data": btoa(key) };
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "lab",
      clusters: [{ name: "lab", cluster: { server, "certificate-authority-data": btoa(this.authority.certificate) } }],
      users: [{ name, user }],
      contexts: [{ name: "lab", context: { cluster: "lab", user: name } }],
    });
  }
}
