/** BGP as the annotations of the own Node describe it (reference §6.4). What is read replaces the peers of the settings. */

import { isLoopback, isMapped, isMulticast, isUnspecified, parseIp } from "../../net/ip.ts";
import { fitsMd5, LONGEST_PASSWORD_BYTES } from "../bgp/kinds.ts";
import { buildPeer, type PeerHelp } from "../bgp/peer.ts";
import { NO_OVERRIDES } from "../bgp/peer_string.ts";
import type { BgpSettings } from "../bgp/types.ts";
import { U32 } from "../kinds.ts";

/** A peer of the annotations. */
export interface AnnotatedPeer {
  /** Canonical IP text. */
  readonly ip: string;
  readonly as: number;
  /** null: none. Never printed. */
  readonly password: string | null;
  readonly multihop: boolean;
}

export interface AnnotatedBgp {
  readonly outcome: "complete";
  readonly as: number;
  /** Canonical IP text. */
  readonly sourceIp: string;
  readonly peers: readonly AnnotatedPeer[];
}

export type NodeAnnotations =
  | AnnotatedBgp
  /** Names of annotations that are needed; whoever writes them is not done. */
  | { readonly outcome: "incomplete"; readonly missing: readonly string[] }
  /** Sentences that name the annotation and repeat no password. */
  | { readonly outcome: "invalid"; readonly problems: readonly string[] };

const MOST_PEERS = 128;
/** Up to a thousand lists. */
const INDEXED = /^bgp-peers-(\d{1,3})-peer-ip$/;

/** Reads the annotations below `prefix`, under both of their spellings: `prefix/name` and `prefix/bgp-peers-0-name`. */
export function readNodeAnnotations(
  annotations: Readonly<Record<string, string>>,
  prefix: string,
): NodeAnnotations {
  const reading = new Reading(annotations, prefix);
  const as = reading.number("node-asn");
  const sourceIp = reading.ip("src-ip");
  const peers = reading.peers();
  const { problems, missing } = reading;
  if (problems.length > 0) return { outcome: "invalid", problems };
  if (as === null || sourceIp === null || missing.length > 0) return { outcome: "incomplete", missing };
  return { outcome: "complete", as, sourceIp, peers };
}

/** One go through the annotations: collects what is wrong and what is missing. */
class Reading {
  readonly problems: string[] = [];
  readonly missing: string[] = [];
  readonly #annotations: Readonly<Record<string, string>>;
  readonly #prefix: string;

  constructor(annotations: Readonly<Record<string, string>>, prefix: string) {
    this.#annotations = annotations;
    this.#prefix = prefix;
  }

  number(name: string, index = 0): number | null {
    return this.#required(name, index, asNumber);
  }

  ip(name: string): string | null {
    return this.#required(name, 0, address);
  }

  /** Of all indices; what an index does not say itself, the first one says. */
  peers(): readonly AnnotatedPeer[] {
    const lists = this.#lists();
    const common = { as: this.number("peer-asn"), ...this.#extras(0) };
    if (lists.length === 0) this.missing.push(`${this.#prefix}/peer-ip`);
    const peers = new Map<string, AnnotatedPeer>();
    for (const { key, index, text } of lists) {
      const own = index === 0 ? common : this.#own(index, common);
      for (const one of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
        const ip = this.#checked(key, one, address);
        if (ip !== null && own.as !== null) peers.set(ip, { ip, ...own, as: own.as });
      }
    }
    if (peers.size > MOST_PEERS) this.problems.push(`${this.#prefix}: has ${peers.size} peers, at most ${MOST_PEERS}`);
    return [...peers.values()];
  }

  #own(index: number, common: Omit<AnnotatedPeer, "ip" | "as"> & { as: number | null }): typeof common {
    const has = (name: string): boolean =>
      this.#annotations[`${this.#prefix}/bgp-peers-${index}-${name}`] !== undefined;
    const extras = this.#extras(index);
    return {
      as: has("peer-asn") ? this.number("peer-asn", index) : common.as,
      password: has("bgp-pass") ? extras.password : common.password,
      multihop: has("peer-multi-hop") ? extras.multihop : common.multihop,
    };
  }

  #extras(index: number): Omit<AnnotatedPeer, "ip" | "as"> {
    return {
      password: this.#optional("bgp-pass", index, password),
      multihop: this.#optional("peer-multi-hop", index, truth) ?? false,
    };
  }

  /** The lists of peers, in the order of their indices. */
  #lists(): { readonly key: string; readonly index: number; readonly text: string }[] {
    const found = Object.entries(this.#annotations).flatMap(([key, text]) => {
      if (!key.startsWith(`${this.#prefix}/`) || text.trim() === "") return [];
      const name = key.slice(this.#prefix.length + 1);
      if (name === "peer-ip") return [{ key, index: 0, text }];
      const index = INDEXED.exec(name)?.[1];
      return index === undefined ? [] : [{ key, index: Number(index), text }];
    });
    return found.sort((a, b) => a.index - b.index);
  }

  /** An annotation by either of its names. */
  #find(name: string, index: number): { readonly key: string; readonly text: string } | null {
    const keys = [...(index === 0 ? [`${this.#prefix}/${name}`] : []), `${this.#prefix}/bgp-peers-${index}-${name}`];
    for (const key of keys) {
      const text = this.#annotations[key]?.trim() ?? "";
      if (text !== "") return { key, text };
    }
    return null;
  }

  #required<T>(name: string, index: number, parse: Parse<T>): T | null {
    const found = this.#find(name, index);
    if (found !== null) return this.#checked(found.key, found.text, parse);
    this.missing.push(`${this.#prefix}/${name}`);
    return null;
  }

  #optional<T>(name: string, index: number, parse: Parse<T>): T | null {
    const found = this.#find(name, index);
    return found === null ? null : this.#checked(found.key, found.text, parse);
  }

  #checked<T>(key: string, text: string, parse: Parse<T>): T | null {
    const { value, accepts } = parse(text);
    if (value === null) this.problems.push(`${key}: must be ${accepts}`);
    return value;
  }
}

type Parse<T> = (text: string) => { readonly value: T | null; readonly accepts: string };

const asNumber: Parse<number> = (text) => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return { value: value >= 1 && value <= U32 ? value : null, accepts: `an AS number from 1 to ${U32}` };
};

const address: Parse<string> = (text) => {
  const ip = parseIp(text);
  const bad = ip === null || isUnspecified(ip) || isMulticast(ip) || isMapped(ip) || isLoopback(ip);
  return { value: bad ? null : ip.text, accepts: "an IP address of a machine" };
};

const truth: Parse<boolean> = (text) => ({
  value: text === "true" ? true : text === "false" ? false : null,
  accepts: "true or false",
});

const password: Parse<string> = (text) => {
  const accepts = `a password of at most ${LONGEST_PASSWORD_BYTES} bytes in base64`;
  try {
    const bytes = Uint8Array.fromBase64(text);
    // What `echo` and editors put at the end is no part of it.
    const plain = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
    return { value: plain === "" || /\p{Cc}/u.test(plain) || !fitsMd5(plain) ? null : plain, accepts };
  } catch {
    return { value: null, accepts };
  }
};

export type AnnotatedSettings =
  | { readonly outcome: "usable"; readonly settings: BgpSettings }
  /** Sentences that name the peer and repeat no password. */
  | { readonly outcome: "unusable"; readonly problems: readonly string[] };

/**
 * `bgp` with the AS, the source address, the router ID (where that is IPv4) and the peers of the annotations; times and all else are
 * those of the settings.
 */
export function withAnnotations(bgp: BgpSettings, found: AnnotatedBgp): AnnotatedSettings {
  const source = { sourceIp: found.sourceIp, sourceInterface: null };
  const defaults = { ...bgp.defaults, ...source };
  const problems: string[] = [];
  const help: PeerHelp = {
    defaults,
    listens: bgp.listenPort !== null,
    problem: (message) => void problems.push(message),
    warning: () => {},
    readPassword: () => null,
    noteBfd: () => {},
  };
  const peers = found.peers.flatMap(({ ip, as, password, multihop }) => {
    const draft = { address: ip, interface: "", port: 0, as, password: password ?? "", multihop, bfd: "" };
    const nextHop = { how: "", ipv4: "", ipv6: "" };
    return buildPeer({ ...draft, nextHop, overrides: NO_OVERRIDES }, help) ?? [];
  });
  if (problems.length > 0) return { outcome: "unusable", problems };
  const routerId = found.sourceIp.includes(":") ? bgp.routerId : found.sourceIp;
  return { outcome: "usable", settings: { ...bgp, as: found.as, routerId, ...source, peers, defaults } };
}
