/**
 * `cp_detect`: the address under which this machine's own API server can be talked to with its certificate checked, both chain and
 * name. The certificate says which addresses it is for; it is believed only after its chain was verified.
 */

import type { Clock } from "../base/clock.ts";
import { isIpText, sanNames } from "./san.ts";
import { serverAt } from "./server_address.ts";

/** A handshake on this machine takes milliseconds; a server that is starting may need longer. */
const PROBE_LIMIT_MS = 3000;
/** A machine may hold hundreds of addresses of Services; those of the node come first. */
const MAX_ADDRESSES = 64;

/** What a TLS handshake showed. The chain of the certificate was verified in both good cases. */
export type ProbeResult =
  /** `names` are the certificate's alternative names, addresses in canonical text. */
  | { readonly outcome: "trusted"; readonly names: readonly string[] }
  | { readonly outcome: "failed"; readonly cause: string };

export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  /** PEM of the authorities; nobody else is believed. */
  readonly caCerts: readonly string[];
  /** Whether the certificate also has to be for `host`. */
  readonly checkName: boolean;
  readonly limitMs: number;
}

/** Makes one connection, and closes it. */
export type Probe = (request: ProbeRequest) => Promise<ProbeResult>;

export interface DetectOptions {
  readonly port: number;
  readonly caCerts: readonly string[];
  /** Of this machine, without those that move. */
  readonly localAddresses: readonly string[];
  readonly probe: Probe;
}

export type Detected =
  | { readonly outcome: "found"; readonly server: string }
  | { readonly outcome: "failed"; readonly message: string };

/** Tries loopback, then the machine's own addresses the certificate names, then the name `kubernetes`. */
export async function detectServer(options: DetectOptions): Promise<Detected> {
  const { port, caCerts, probe } = options;
  if (caCerts.length === 0) {
    return { outcome: "failed", message: "The kubeconfig names no certificate-authority to check with" };
  }
  const ask = (host: string, checkName: boolean): Promise<ProbeResult> =>
    probe({ host, port, caCerts, checkName, limitMs: PROBE_LIMIT_MS });
  const loopback = await ask("127.0.0.1", false);
  const causes: string[] = loopback.outcome === "failed" ? [`127.0.0.1: ${loopback.cause}`] : [];
  for (const host of candidates(loopback, options.localAddresses)) {
    const result = await ask(host, true);
    if (result.outcome === "trusted") return { outcome: "found", server: serverAt(host, port) };
    causes.push(`${host}: ${result.cause}`);
  }
  const named = loopback.outcome === "trusted"
    ? `; the certificate is for ${loopback.names.join(", ") || "nobody"}`
    : "";
  const tried = causes.length === 0 ? "" : ` (${causes.join("; ")})`;
  return {
    outcome: "failed",
    message: `No API server answers on port ${port} under a name of its certificate${named}${tried}`,
  };
}

/** With a server on loopback, only what its certificate names; else it may listen on one address alone, and all are tried. */
function candidates(loopback: ProbeResult, localAddresses: readonly string[]): readonly string[] {
  const own = localAddresses.slice(0, MAX_ADDRESSES);
  if (loopback.outcome === "failed") return own;
  return ["127.0.0.1", "localhost", ...own, "kubernetes"].filter((name) => loopback.names.includes(name));
}

/** A {@link Probe} over real connections. */
export function tlsProbe(clock: Clock): Probe {
  return async ({ host, port, caCerts, checkName, limitMs }) => {
    const tls = await import("node:tls");
    const result = Promise.withResolvers<ProbeResult>();
    const socket = tls.connect({
      host,
      port,
      ca: [...caCerts],
      rejectUnauthorized: true,
      ...(isIpText(host) ? {} : { servername: host }),
      ...(checkName ? {} : { checkServerIdentity: () => undefined }),
    });
    const failed = (cause: string): void => result.resolve({ outcome: "failed", cause });
    const timer = clock.after(limitMs, () => failed(`no answer within ${limitMs} ms`));
    socket.once("secureConnect", () => {
      if (!socket.authorized) return failed(String(socket.authorizationError));
      result.resolve({ outcome: "trusted", names: sanNames(socket.getPeerCertificate().subjectaltname ?? "") });
    });
    socket.on("error", (error) => failed(error.message));
    socket.once("close", () => failed("the connection was closed"));
    try {
      return await result.promise;
    } finally {
      timer.cancel();
      socket.destroy();
    }
  };
}
