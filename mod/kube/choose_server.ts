/**
 * Which API server is talked to, and as whom: the first of an explicit kubeconfig, `/etc/kubernetes/admin.conf`, the one in the home
 * folder, and the service account of the Pod. On a control plane the server of admin.conf is replaced by the local one, because the
 * file's may be reached through the very address that is held here.
 */

import type { Clock } from "../base/clock.ts";
import type { ApiServerSettings } from "../config/manager/types.ts";
import { isLinkLocal, parseIp } from "../net/ip.ts";
import { Credentials } from "./credentials.ts";
import { detectServer, type Probe, tlsProbe } from "./detect.ts";
import { KubeConfigError } from "./errors.ts";
import { type Files, hostFiles } from "./files.ts";
import { inClusterAccess, type KubeAccess, parseKubeconfig } from "./kubeconfig.ts";
import { parseServerOverride, serverAt } from "./server_address.ts";

/** kubeadm's. */
export const ADMIN_CONF = "/etc/kubernetes/admin.conf";

/** What the choice depends on besides the settings. */
export interface ServerWorld {
  readonly files: Files;
  /** Null: no home folder. */
  readonly home: string | null;
  env(name: string): string | undefined;
  /** Whether this node serves the control plane, so that the API server on it is the one to use. */
  readonly controlPlane: boolean;
  /** Addresses that move between machines: never a way to the local server. Canonical text. */
  readonly avoid: readonly string[];
  /** Addresses of the interfaces now, canonical text. */
  localAddresses(): readonly string[];
  readonly probe: Probe;
  readonly clock: Clock;
  /** Told when credentials that had been readable are not any more. */
  readonly onStale?: (cause: string) => void;
}

export type ServerChoice =
  | {
    readonly outcome: "chosen";
    /** Base URL without a slash at its end. */
    readonly server: string;
    /** Of the kubeconfig's path, or `service account`: for people. */
    readonly origin: string;
    /** Of the context or the Pod; null: it names none. */
    readonly namespace: string | null;
    readonly credentials: Credentials;
    readonly warnings: readonly string[];
  }
  /** May be tried again: files appear and servers start. */
  | { readonly outcome: "failed"; readonly message: string; readonly warnings: readonly string[] };

/** Finds the server. Reads files; with `detect` it makes connections on this machine. Never throws for what it finds there. */
export async function chooseServer(settings: ApiServerSettings, world: ServerWorld): Promise<ServerChoice> {
  const warnings: string[] = [];
  try {
    const path = await kubeconfigPath(settings, world, warnings);
    return path === null
      ? await inCluster(settings, world, warnings)
      : await fromKubeconfig(path, { settings, world, warnings });
  } catch (error) {
    if (!(error instanceof KubeConfigError)) throw error;
    return { outcome: "failed", message: error.message, warnings };
  }
}

async function kubeconfigPath(
  settings: ApiServerSettings,
  world: ServerWorld,
  warnings: string[],
): Promise<string | null> {
  const home = world.home === null ? null : `${world.home.replace(/\/+$/, "")}/.kube/config`;
  const known = ["", ADMIN_CONF, home].includes(settings.configPath);
  const explicit = known ? null : settings.configPath;
  for (const path of [explicit, ADMIN_CONF, home]) {
    if (path === null) continue;
    if (await readText(world.files, path) !== null) return path;
    if (path === explicit && path !== home) {
      warnings.push(`k8s_config_file "${path}" does not exist: looking elsewhere`);
    }
  }
  return null;
}

interface Choosing {
  readonly settings: ApiServerSettings;
  readonly world: ServerWorld;
  readonly warnings: string[];
}

async function fromKubeconfig(path: string, choosing: Choosing): Promise<ServerChoice> {
  const { world, warnings } = choosing;
  const read = async (): Promise<KubeAccess> => {
    const text = await readText(world.files, path);
    if (text === null) throw new KubeConfigError("read kubeconfig", path, "there is no such file");
    return await parseKubeconfig(text, path);
  };
  const access = await read();
  const credentials = credentialsOf(read, world);
  const { caCerts } = await credentials.current();
  const found = await serverFor(path, { ...choosing, access, caCerts });
  if (found.outcome === "failed") return { ...found, warnings };
  const { server } = found;
  const host = new URL(server).hostname.replace(/^\[|\]$/g, "");
  if (world.avoid.includes(parseIp(host)?.text ?? host)) {
    warnings.push(
      `The API server is reached at ${server}, an address that is held here: set kubernetes_addr to a local one`,
    );
  }
  return { outcome: "chosen", server, origin: path, namespace: access.namespace, credentials, warnings };
}

async function serverFor(
  path: string,
  choosing: Choosing & { readonly access: KubeAccess; readonly caCerts: readonly string[] },
): Promise<{ outcome: "found"; server: string } | { outcome: "failed"; message: string }> {
  const { settings, world, access, warnings, caCerts } = choosing;
  const override = overrideOf(settings, warnings);
  if (override !== null) return { outcome: "found", server: override };
  if (path !== ADMIN_CONF || !world.controlPlane) return { outcome: "found", server: access.server };
  if (!settings.detect) return { outcome: "found", server: serverAt("kubernetes", settings.port) };
  const localAddresses = world.localAddresses().filter((address) => !world.avoid.includes(address));
  const detected = await detectServer({ port: settings.port, caCerts, localAddresses, probe: world.probe });
  return detected.outcome === "found" ? detected : { outcome: "failed", message: `cp_detect: ${detected.message}` };
}

/** Null: not given, or not usable, which is a warning as it was upstream. */
function overrideOf(settings: ApiServerSettings, warnings: string[]): string | null {
  if (settings.address === null || settings.address.trim() === "") return null;
  const parsed = parseServerOverride(settings.address, settings.port);
  if (parsed.outcome === "valid") return parsed.url;
  warnings.push(`kubernetes_addr "${withoutCredentials(settings.address)}" is ignored: it ${parsed.why}`);
  return null;
}

/** A URL may have been given with a password in it. */
function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//***@");
}

async function inCluster(settings: ApiServerSettings, world: ServerWorld, warnings: string[]): Promise<ServerChoice> {
  const access = await inClusterAccess((name) => world.env(name), world.files);
  if (access === null) {
    const looked = [settings.configPath, ADMIN_CONF, "$HOME/.kube/config"].filter((path) => path !== "");
    const message = `Cannot find an API server: none of ${[...new Set(looked)].join(", ")} exists, ` +
      "and this is no Pod with a service account";
    return { outcome: "failed", message, warnings };
  }
  if (settings.address !== null) {
    warnings.push(
      "kubernetes_addr has no effect with a service account: the server is that of KUBERNETES_SERVICE_HOST",
    );
  }
  const credentials = credentialsOf(() => Promise.resolve(access), world);
  await credentials.current();
  const { server, namespace } = access;
  return { outcome: "chosen", server, origin: "service account", namespace, credentials, warnings };
}

function credentialsOf(access: () => Promise<KubeAccess>, world: ServerWorld): Credentials {
  const { files, clock, onStale } = world;
  return new Credentials({ access, files, clock, ...(onStale === undefined ? {} : { onStale }) });
}

async function readText(files: Files, path: string): Promise<string | null> {
  try {
    return await files.read(path);
  } catch (error) {
    throw new KubeConfigError("read kubeconfig", path, error instanceof Error ? error.name : "unknown");
  }
}

/** Those that mean something without naming an interface. */
function localAddresses(): string[] {
  return Deno.networkInterfaces().flatMap(({ address }) => {
    const ip = parseIp(address);
    return ip === null || isLinkLocal(ip) ? [] : [ip.text];
  });
}

/** This machine as it is. */
export function hostWorld(
  options: Pick<ServerWorld, "controlPlane" | "avoid" | "clock" | "onStale">,
): ServerWorld {
  return {
    ...options,
    files: hostFiles,
    home: Deno.env.get("HOME") ?? null,
    env: (name) => Deno.env.get(name),
    localAddresses,
    probe: tlsProbe(options.clock),
  };
}
