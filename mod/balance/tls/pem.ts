/** Certificates and keys as PEM files. */
import type { FrontTls } from "../../config/types.ts";

/** A certificate with what it was issued by, and its key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Makes a pair of the texts of its two files; throws an error that names the file which is at fault. */
export function keyPair(files: FrontTls, texts: readonly string[]): KeyPair {
  const [cert = "", key = ""] = texts;
  const { certificateFile, keyFile } = files;
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`${certificateFile} has no certificate in PEM`);
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key)) throw new Error(`${keyFile} has no private key in PEM`);
  const pair = { cert, key };
  try {
    // There is no other way to have the runtime look at a pair than to listen with it.
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair }).close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isMismatch = reason.includes("KeyMismatch");
    throw new Error(isMismatch ? `${keyFile} is not the key of ${certificateFile}` : `${certificateFile}: ${reason}`);
  }
  return pair;
}

/** Takes the certificates of a file of issuers; throws an error that names it when there are none. */
export function issuers(file: string, text: string): string {
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`${file} has no certificate in PEM`);
  return text;
}
