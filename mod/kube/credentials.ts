/**
 * Certificates and authorization as they are at this moment. A token file is read again every ten seconds while it is used; everything,
 * the kubeconfig included, is read again as soon as the server, or TLS, refuses what was read before.
 */

import type { Clock } from "../base/clock.ts";
import { KubeConfigError } from "./errors.ts";
import type { Files } from "./files.ts";
import type { KubeAccess, Pem } from "./kubeconfig.ts";
import { authoritiesFault, keyPairFault } from "../runtime/tls_check.ts";

/** The kubelet replaces a token long before it ends: ten seconds are soon enough, and cost one read of a small file. */
const TOKEN_REREAD_MS = 10_000;

/** What connections are made with. */
export interface Material {
  /** Another number: something is not as it was. */
  readonly generation: number;
  /** Grows only when new connections are needed. */
  readonly tlsGeneration: number;
  /** PEM; empty: the well-known authorities. */
  readonly caCerts: readonly string[];
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** The header's value; null: none. */
  readonly authorization: string | null;
}

type Content = Omit<Material, "generation" | "tlsGeneration">;

export interface CredentialsOptions {
  /** Reads the configuration anew. May throw {@link KubeConfigError}. */
  readonly access: () => Promise<KubeAccess>;
  readonly files: Files;
  readonly clock: Clock;
  /** Told, once for each cause, that something readable has become unreadable; what was read before goes on being used. */
  readonly onStale?: (cause: string) => void;
}

export class Credentials {
  readonly #options: CredentialsOptions;
  #material: Material | null = null;
  #tokenPath: string | null = null;
  #tokenReadMs = 0;
  #reading: Promise<Material> | null = null;
  #staleCause = "";

  constructor(options: CredentialsOptions) {
    this.#options = options;
  }

  /**
   * What to use now.
   *
   * @throws {KubeConfigError} if it was never readable
   */
  async current(): Promise<Material> {
    const material = this.#material;
    if (material === null) return await this.#once(() => this.#readAll());
    if (this.#tokenPath === null || this.#options.clock.now() - this.#tokenReadMs < TOKEN_REREAD_MS) return material;
    return await this.#once(() => this.#readToken(material));
  }

  /**
   * Reads everything again, unless that was already done since `refused` was in use.
   *
   * @throws {KubeConfigError} if it was never readable
   */
  async refresh(refused: Material): Promise<Material> {
    const material = this.#material;
    if (material !== null && material.generation !== refused.generation) return material;
    return await this.#once(() => this.#readAll());
  }

  #once(read: () => Promise<Content>): Promise<Material> {
    this.#reading ??= this.#read(read).finally(() => this.#reading = null);
    return this.#reading;
  }

  async #read(read: () => Promise<Content>): Promise<Material> {
    try {
      return this.#keep(await read());
    } catch (error) {
      if (this.#material === null) throw error;
      this.#tokenReadMs = this.#options.clock.now();
      this.#stale(error instanceof Error ? error.message : String(error));
      return this.#material;
    }
  }

  #stale(cause: string): void {
    if (cause === this.#staleCause) return;
    this.#staleCause = cause;
    this.#options.onStale?.(cause);
  }

  #keep(content: Content): Material {
    this.#staleCause = "";
    const before = this.#material;
    const sameTls = before !== null && tlsOf(before) === tlsOf(content);
    if (before !== null && sameTls && before.authorization === content.authorization) return before;
    const tlsGeneration = sameTls ? before.tlsGeneration : (before?.tlsGeneration ?? 0) + 1;
    this.#material = { ...content, tlsGeneration, generation: (before?.generation ?? 0) + 1 };
    return this.#material;
  }

  async #readAll(): Promise<Content> {
    const access = await this.#options.access();
    const ca = access.ca === null ? null : await this.#pem(access.ca, "CERTIFICATE");
    const client = access.client === null ? null : {
      cert: await this.#pem(access.client.cert, "CERTIFICATE"),
      key: await this.#pem(access.client.key, "PRIVATE KEY"),
    };
    const caFault = ca === null ? null : authoritiesFault([ca]);
    if (caFault !== null) throw new KubeConfigError("use", "certificate-authority", caFault);
    const pairFault = client === null ? null : keyPairFault(client);
    if (pairFault !== null) throw new KubeConfigError("use", "client-certificate and client-key", pairFault);
    const authorization = await this.#authorization(access.authorization);
    this.#tokenPath = access.authorization.kind === "token-file" ? access.authorization.path : null;
    return { caCerts: ca === null ? [] : [ca], client, authorization };
  }

  async #readToken({ caCerts, client }: Material): Promise<Content> {
    const path = this.#tokenPath;
    return { caCerts, client, authorization: path === null ? null : await this.#bearerFrom(path) };
  }

  async #authorization(given: KubeAccess["authorization"]): Promise<string | null> {
    switch (given.kind) {
      case "none":
        return null;
      case "token":
        return bearer(given.token, "the kubeconfig");
      case "token-file":
        return await this.#bearerFrom(given.path);
      case "basic":
        return `Basic ${new TextEncoder().encode(`${given.username}:${given.password}`).toBase64()}`;
    }
  }

  async #bearerFrom(path: string): Promise<string> {
    const value = bearer(await this.#text(path), path);
    this.#tokenReadMs = this.#options.clock.now();
    return value;
  }

  /** Deno takes a text without a certificate for an empty list, and then trusts the well-known authorities alone. */
  async #pem(pem: Pem, label: "CERTIFICATE" | "PRIVATE KEY"): Promise<string> {
    const text = pem.is === "text" ? pem.pem : await this.#text(pem.path);
    if (new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text)) return text;
    throw new KubeConfigError("read", pem.is === "text" ? "kubeconfig" : pem.path, `it has no PEM block "${label}"`);
  }

  async #text(path: string): Promise<string> {
    let text: string | null;
    try {
      text = await this.#options.files.read(path);
    } catch (error) {
      throw new KubeConfigError("read", path, error instanceof Error ? error.name : "unknown");
    }
    if (text === null) throw new KubeConfigError("read", path, "there is no such file");
    return text;
  }
}

function tlsOf(content: Content): string {
  return JSON.stringify([content.caCerts, content.client]);
}

function bearer(text: string, source: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new KubeConfigError("read token from", source, "it is empty or no token");
  return `Bearer ${token}`;
}
