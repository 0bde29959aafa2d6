/** Certificates and keys as PEM files. */
import type { FrontTls } from "../../config/types.ts";
import { authoritiesFault, keyPairFault } from "../../runtime/tls_check.ts";

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
  const fault = keyPairFault(pair);
  if (fault?.includes("KeyMismatch")) throw new Error(`${keyFile} is not the key of ${certificateFile}`);
  if (fault !== null) throw new Error(`${certificateFile} with ${keyFile}: ${fault}`);
  return pair;
}

/** Takes the certificates of a file of issuers; throws an error that names it when there are none. */
export function issuers(file: string, text: string): string {
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`${file} has no certificate in PEM`);
  const fault = authoritiesFault([text]);
  if (fault !== null) throw new Error(`${file}: ${fault}`);
  return text;
}
