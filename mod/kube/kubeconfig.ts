/**
 * Reads a kubeconfig, or what a Pod is given in its place. The entries are read by `@kubernetes/client-node`; of that package only the
 * reader of entries is loaded, when it is needed: with the whole class `KubeConfig` an idle process has 16 MiB more anonymous memory.
 */

import { dirname, isAbsolute, join } from "node:path";
import { parseDocument } from "@kube-vip/yaml";
import { KubeConfigError } from "./errors.ts";
import type { Files } from "./files.ts";
import { isRecord } from "./objects.ts";
import { parseServer } from "./server_address.ts";

/** PEM text, or the file it is in. */
export type Pem = { readonly is: "text"; readonly pem: string } | { readonly is: "file"; readonly path: string };

/** How a server is reached and what it is told; secrets may be inside. */
export interface KubeAccess {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** Null: the well-known authorities. */
  readonly ca: Pem | null;
  readonly client: { readonly cert: Pem; readonly key: Pem } | null;
  readonly authorization:
    | { readonly kind: "none" }
    | { readonly kind: "token"; readonly token: string }
    /** Read again and again: it is rotated. */
    | { readonly kind: "token-file"; readonly path: string }
    | { readonly kind: "basic"; readonly username: string; readonly password: string };
  /** Of the context, or of the Pod. */
  readonly namespace: string | null;
}

/** Where a Pod finds its credentials. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

const OPERATION = "use kubeconfig";

/**
 * The current context of a kubeconfig. Relative paths in it start from its folder.
 *
 * @throws {KubeConfigError} naming the file and what in it cannot be used; never with a part of its text
 */
export async function parseKubeconfig(text: string, path: string): Promise<KubeAccess> {
  const fail = (why: string): never => {
    throw new KubeConfigError(OPERATION, path, why);
  };
  const root = parseYaml(text, path);
  const entries = await readEntries(root, path);
  const contextName = root["current-context"];
  if (typeof contextName !== "string" || contextName === "") return fail("it has no current-context");
  const context = entries.contexts.find((entry) => entry.name === contextName) ??
    fail(`its current-context "${contextName}" is not among its contexts`);
  const cluster = entries.clusters.find((entry) => entry.name === context.cluster) ??
    fail(`the cluster "${context.cluster}" of its current context is not there`);
  const user = entries.users.find((entry) => entry.name === context.user) ??
    fail(`the user "${context.user}" of its current context is not there`);
  const refused = refusal(cluster, user);
  if (refused !== null) return fail(refused);
  const server = parseServer(cluster.server);
  if (server.outcome === "invalid") return fail(`its server ${server.why}`);
  const folder = dirname(path);
  const raw = rawUser(root, user.name);
  const tokenFile = textOf(raw["tokenFile"]);
  return {
    server: server.url,
    ca: pemOf({ data: cluster.caData, file: cluster.caFile, folder, fail, what: "certificate-authority" }),
    client: clientPair(user, folder, fail),
    authorization: authorizationOf(user, tokenFile === null ? null : absolute(folder, tokenFile), fail),
    namespace: textOf(context.namespace),
  };
}

interface Cluster {
  readonly server: string;
  readonly caData?: string | undefined;
  readonly caFile?: string | undefined;
  readonly skipTLSVerify?: boolean | undefined;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
}

interface User {
  readonly name: string;
  readonly certData?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyData?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly exec?: unknown;
  readonly authProvider?: unknown;
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly impersonateUser?: string | undefined;
}

interface Entries {
  readonly clusters: readonly (Cluster & { readonly name: string })[];
  readonly contexts: readonly {
    readonly name: string;
    readonly cluster: string;
    readonly user: string;
    readonly namespace?: string | undefined;
  }[];
  readonly users: readonly User[];
}

/** Messages of the YAML parser quote the lines they are about, which may be keys: only place and kind are passed on. */
function parseYaml(text: string, path: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text, { prettyErrors: true });
  const error = document.errors[0];
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    throw new KubeConfigError(
      OPERATION,
      path,
      `it is no YAML (${error.code}${line === undefined ? "" : `, line ${line}`})`,
    );
  }
  const root: unknown = document.toJS();
  if (!isRecord(root)) throw new KubeConfigError(OPERATION, path, "it is empty or no mapping");
  return root;
}

async function readEntries(root: Readonly<Record<string, unknown>>, path: string): Promise<Entries> {
  const { newClusters, newContexts, newUsers } = await import("@kube-vip/kubernetes/dist/config_types.js");
  try {
    return {
      clusters: newClusters(root["clusters"]),
      contexts: newContexts(root["contexts"]),
      users: newUsers(root["users"]),
    };
  } catch (error) {
    throw new KubeConfigError(OPERATION, path, error instanceof Error ? error.message : "an entry is malformed");
  }
}

/** What this client cannot do, or will not; null if there is nothing of that. */
function refusal(cluster: Cluster, user: User): string | null {
  if (cluster.skipTLSVerify) {
    return "insecure-skip-tls-verify is not supported: give certificate-authority(-data) of the cluster instead";
  }
  if (cluster.tlsServerName) {
    return "tls-server-name is not supported: use a server address that the certificate names";
  }
  if (cluster.proxyUrl) return "proxy-url is not supported: the API server has to be reached directly";
  if (user.exec) return `exec of user "${user.name}" is not supported: use a client certificate or a token`;
  if (user.authProvider) {
    return `auth-provider of user "${user.name}" is not supported: use a client certificate or a token`;
  }
  if (user.impersonateUser) {
    return `as (impersonation) of user "${user.name}" is not supported: use credentials of that user`;
  }
  return null;
}

type Fail = (why: string) => never;

function clientPair(user: User, folder: string, fail: Fail): KubeAccess["client"] {
  const cert = pemOf({ data: user.certData, file: user.certFile, folder, fail, what: "client-certificate" });
  const key = pemOf({ data: user.keyData, file: user.keyFile, folder, fail, what: "client-key" });
  if (cert === null && key === null) return null;
  if (cert === null) return fail(`user "${user.name}" has a client-key without client-certificate`);
  if (key === null) return fail(`user "${user.name}" has a client-certificate without client-key`);
  return { cert, key };
}

/** Inline data counts before a file, as in client-go. */
function pemOf(from: {
  readonly data: string | undefined;
  readonly file: string | undefined;
  readonly folder: string;
  readonly what: string;
  readonly fail: Fail;
}): Pem | null {
  if (from.data) return { is: "text", pem: decodeBase64(from.data) ?? from.fail(`${from.what}-data is no base64`) };
  return from.file ? { is: "file", path: absolute(from.folder, from.file) } : null;
}

function decodeBase64(text: string): string | null {
  try {
    return atob(String(text));
  } catch {
    return null;
  }
}

/** A token counts before a token file, both before a password; client-go sends a token file's in place of a token, which it outdates. */
function authorizationOf(user: User, tokenFile: string | null, fail: Fail): KubeAccess["authorization"] {
  if (tokenFile !== null) return { kind: "token-file", path: tokenFile };
  if (user.token) return { kind: "token", token: String(user.token) };
  const { username, password } = user;
  if (!username && !password) return { kind: "none" };
  if (!username) return fail(`user "${user.name}" has a password without username`);
  return { kind: "basic", username: String(username), password: String(password ?? "") };
}

function rawUser(root: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const users = root["users"];
  const entry: unknown = Array.isArray(users)
    ? users.find((user) => isRecord(user) && user["name"] === name)
    : undefined;
  return isRecord(entry) && isRecord(entry["user"]) ? entry["user"] : {};
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function absolute(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/**
 * What a Pod's environment and service account say; null outside a Pod.
 *
 * @param env a variable of the environment
 * @throws {KubeConfigError} when only a part of it is there
 */
export async function inClusterAccess(
  env: (name: string) => string | undefined,
  files: Files,
): Promise<KubeAccess | null> {
  const host = env("KUBERNETES_SERVICE_HOST");
  const port = env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) return null;
  const tokenPath = `${SERVICE_ACCOUNT_FOLDER}/token`;
  if (await files.read(tokenPath) === null) return null;
  const server = parseServer(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  if (server.outcome === "invalid") {
    throw new KubeConfigError("use environment", "KUBERNETES_SERVICE_HOST", `together with the port it ${server.why}`);
  }
  const namespace = await files.read(`${SERVICE_ACCOUNT_FOLDER}/namespace`);
  return {
    server: server.url,
    ca: { is: "file", path: `${SERVICE_ACCOUNT_FOLDER}/ca.crt` },
    client: null,
    authorization: { kind: "token-file", path: tokenPath },
    namespace: namespace?.trim() || null,
  };
}
