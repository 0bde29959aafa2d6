/** The keys and certificates of a cluster that lives for one test: RFC 5280 with ECDSA on P-256. */

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { assert } from "../../mod/base/assert.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { bitString, octetString, oid, sequence, setOf, tagged, time, unsigned, utf8, yes } from "./der.ts";

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Valid for years around now: tests step the clocks of nodes. */
const VALID = { from: "200101000000Z", until: "491231235959Z" } as const;

/** A certificate and its key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** A key pair without a certificate, both PEM. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Who a certificate names. For a client the API server reads the user from `name` and the groups from `groups`. */
interface Subject {
  readonly name: string;
  readonly groups: readonly string[];
}

type Kind =
  | { readonly is: "authority" }
  | { readonly is: "client" }
  | { readonly is: "server" | "member"; readonly names: readonly string[] };

/** A certificate authority of one test. */
export class Authority {
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly #subject: Subject;
  readonly #key: KeyObject;

  constructor(name: string) {
    this.#subject = { name, groups: [] };
    const own = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    this.#key = own.privateKey;
    this.certificate = this.#issue(this.#subject, own.publicKey, { is: "authority" });
  }

  /** For a server that is reached under these DNS names and addresses. */
  server(name: string, names: readonly string[]): Identity {
    return this.#identity({ name, groups: [] }, { is: "server", names });
  }

  /** For a server that is also a client with the same certificate, as etcd's JSON gateway is to etcd. */
  member(name: string, names: readonly string[]): Identity {
    return this.#identity({ name, groups: [] }, { is: "member", names });
  }

  /** For a client: a user and the groups it is in. */
  client(name: string, groups: readonly string[] = []): Identity {
    return this.#identity({ name, groups }, { is: "client" });
  }

  #identity(subject: Subject, kind: Kind): Identity {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    return { certificate: this.#issue(subject, publicKey, kind), key: privatePem(privateKey) };
  }

  /** RFC 5280 §4.1. */
  #issue(subject: Subject, publicKey: KeyObject, kind: Kind): string {
    const algorithm = sequence(oid(OID.ecdsaWithSha256));
    const body = sequence(
      tagged(0, unsigned(Uint8Array.of(2)), "constructed"),
      unsigned(crypto.getRandomValues(new Uint8Array(16))),
      algorithm,
      distinguishedName(this.#subject),
      sequence(time(VALID.from), time(VALID.until)),
      distinguishedName(subject),
      new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
      tagged(3, sequence(...extensions(kind)), "constructed"),
    );
    const signature = new Uint8Array(sign("sha256", body, this.#key));
    return pem("CERTIFICATE", sequence(body, algorithm, bitString(signature)));
  }
}

/** A key pair to sign and check tokens with. */
export function tokenKeys(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return { publicKey: String(publicKey.export({ type: "spki", format: "pem" })), privateKey: privatePem(privateKey) };
}

/** Groups come first, as `O`; each attribute in a set of its own. */
function distinguishedName({ name, groups }: Subject): Uint8Array {
  const attribute = (type: string, value: string): Uint8Array => setOf(sequence(oid(type), utf8(value)));
  return sequence(...groups.map((group) => attribute(OID.organization, group)), attribute(OID.commonName, name));
}

function extensions(kind: Kind): Uint8Array[] {
  const extension = (id: string, value: Uint8Array): Uint8Array => sequence(oid(id), yes(), octetString(value));
  const purpose = (...ids: readonly string[]): Uint8Array =>
    extension(OID.extendedKeyUsage, sequence(...ids.map((id) => oid(id))));
  // Bit 0 is digitalSignature, bit 5 keyCertSign (RFC 5280 §4.2.1.3).
  const usage = (byte: number, unused: number): Uint8Array =>
    extension(OID.keyUsage, bitString(Uint8Array.of(byte), unused));
  switch (kind.is) {
    case "authority":
      return [extension(OID.basicConstraints, sequence(yes())), usage(0x04, 2)];
    case "client":
      return [usage(0x80, 7), purpose(OID.clientAuth)];
    case "server":
    case "member":
      return [
        usage(0x80, 7),
        kind.is === "server" ? purpose(OID.serverAuth) : purpose(OID.serverAuth, OID.clientAuth),
        extension(OID.subjectAltName, sequence(...kind.names.map(alternativeName))),
      ];
  }
}

/** A DNS name is choice 2, an address choice 7 (RFC 5280 §4.2.1.6). */
function alternativeName(name: string): Uint8Array {
  if (isIP(name) === 0) return tagged(2, new TextEncoder().encode(name), "primitive");
  const parsed = parseIp(name);
  assert(parsed !== null, `${name} is an address`);
  return tagged(7, parsed.bytes, "primitive");
}

function privatePem(key: KeyObject): string {
  return String(key.export({ type: "pkcs8", format: "pem" }));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
