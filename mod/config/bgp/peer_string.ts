/** BGP peers as text and in files. They may contain passwords, so that no message repeats what was given. */

import { MASK, type Place } from "../findings.ts";
import { absolutePath, bool, int, interfaceName, matching, optional, text, U32, wrongType } from "../kinds.ts";
import { FILE_ONLY, Section } from "../section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "../setting.ts";
import type { Tree } from "../tree.ts";
import {
  communities,
  fitsMd5,
  type GivenCommunity,
  type GivenLargeCommunity,
  ip,
  largeCommunities,
  LONGEST_PASSWORD_BYTES,
} from "./kinds.ts";

const MOST_PEERS = 128;
const LONGEST_PEERS = 16 * 1024;

/** What only a file can say of a single peer; null: as all peers. */
export interface PeerOverrides {
  readonly passive: boolean | null;
  readonly ttlSecurity: number | null;
  readonly multihopTtl: number | null;
  readonly communities: readonly GivenCommunity[] | null;
  readonly largeCommunities: readonly GivenLargeCommunity[] | null;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly prepend: number | null;
  readonly passwordFile: string | null;
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
}

/** Nothing of its own. */
export const NO_OVERRIDES: PeerOverrides = {
  passive: null,
  ttlSecurity: null,
  multihopTtl: null,
  communities: null,
  largeCommunities: null,
  localPref: null,
  med: null,
  prepend: null,
  passwordFile: null,
  sourceIp: null,
  sourceInterface: null,
};

/** A peer; `text` is the whole peer string, `shown` the same with the password masked. */
export interface BgpPeer extends Shown {
  readonly address: string;
  /** Of a peer without an address ("unnumbered"). */
  readonly interface: string;
  readonly as: number;
  readonly password: string;
  readonly multihop: boolean;
  readonly port: number;
  /** `key=value` pairs. */
  readonly mpbgp: string;
  /** `enable;rx;tx;multiplier`. */
  readonly bfd: string;
  readonly overrides: PeerOverrides;
  /** What cannot be said in {@link text}: keys of the file. */
  readonly beyondText: readonly string[];
  /** Where it was given, for what else is wrong with it. */
  readonly place: Place;
  readonly text: string;
}

/** All peers; equal texts are equal peers. */
export interface BgpPeers extends Shown {
  readonly peers: readonly BgpPeer[];
  readonly text: string;
}

/** Nobody. */
export const NO_PEERS: BgpPeers = { peers: [], text: "", shown: "" };

/** MP-BGP: where the next hop of the other address family comes from. */
export const nextHop: Kind<string> = matching(
  /^(fixed|auto_sourceip|auto_sourceif)$/,
  "fixed, auto_sourceip or auto_sourceif",
);

/** What a peer string says. */
type PeerParts = Omit<BgpPeer, "text" | "shown" | "overrides" | "beyondText" | "place">;

const MP_OPTIONS = ["mpbgp_nexthop", "mpbgp_ipv4", "mpbgp_ipv6"];
const DEFAULT_BFD = "false;300;300;3";
/** Routers take a path that is much longer for a fault. */
export const MOST_PREPENDS = 32;

/** Why a peer was refused, in upstream's words as far as they repeat nothing. */
class PeerError extends Error {
  override readonly name = "PeerError";
}

/** Fields of a file's `bgpConfig.peers[]`. */
const FIELDS = {
  address: setting({ key: "address", kind: text, fallback: "", help: "IP address or name of the peer" }),
  interface: setting({ key: "interface", kind: text, fallback: "", help: "Interface of a peer without an address" }),
  as: setting({ key: "as", kind: int(0, U32), fallback: 0, help: "AS of the peer" }),
  port: setting({ key: "port", kind: int(0, 65535, "a port"), fallback: 179, help: "TCP port of the peer" }),
  password: setting({ key: "password", kind: text, fallback: "", secret: true, help: "TCP-MD5 password" }),
  multihop: setting({ key: "multiHop", kind: bool, fallback: false, help: "The peer is more than one hop away" }),
  nexthop: setting({ key: "mpbgpNexthop", kind: nextHop, fallback: "", help: "Next hop of the other family" }),
  ipv4: setting({ key: "mpbgpIPv4", kind: text, fallback: "", help: "IPv4 next hop, with fixed" }),
  ipv6: setting({ key: "mpbgpIPv6", kind: text, fallback: "", help: "IPv6 next hop, with fixed" }),
  bfd: setting({ key: "bfdEnabled", kind: bool, fallback: false, help: "Watch the peer by BFD" }),
  receive: setting({ key: "bfdReceiveInterval", kind: int(0, U32), fallback: 300, help: "BFD: required interval" }),
  transmit: setting({ key: "bfdTransmitInterval", kind: int(0, U32), fallback: 300, help: "BFD: desired interval" }),
  multiplier: setting({ key: "bfdDetectMultiplier", kind: int(0, 255), fallback: 3, help: "BFD: lost packets" }),
};

const OVERRIDES = {
  passive: own<boolean>("passive", bool, "Wait for the peer to connect; needs listenPort"),
  ttlSecurity: own("ttlSecurity", int(0, 254, "a number of hops"), "TTL security (RFC 5082), 0 off"),
  multihopTtl: own("multihopTTL", int(1, 255, "a TTL"), "TTL to a peer that is more than one hop away"),
  communities: own("communities", communities, "Communities of the routes to this peer"),
  largeCommunities: own("largeCommunities", largeCommunities, "Large communities of the routes to this peer"),
  localPref: own("localPref", int(0, U32), "Local preference of the routes to this internal peer"),
  med: own("med", int(0, U32), "MED of the routes to this peer"),
  prepend: own("prepend", int(0, MOST_PREPENDS), "The own AS so many times more in the path to this peer"),
  passwordFile: own("passwordFile", absolutePath, "File that holds this peer's TCP-MD5 password"),
  sourceIp: own("sourceIP", ip, "Address the session to this peer comes from"),
  sourceInterface: own("sourceIF", interfaceName, "Interface the session to this peer is bound to", [
    "sourceInterface",
  ]),
};

/** A field that says for one peer what a setting says for all. */
function own<T>(key: string, kind: Kind<T>, help: string, aliases: readonly string[] = []): Setting<T | null> {
  const fallbackText = "as all peers";
  return setting<T | null>({ key, aliases, kind: optional(kind), fallback: null, fallbackText, help });
}

/** For the documentation, and for unknown keys. */
export const BGP_PEER_FIELDS: readonly Setting<unknown>[] = [...Object.values(FIELDS), ...Object.values(OVERRIDES)];

const ACCEPTS = "address:AS[:password[:multihop[:port[:mpbgp options[:bfd]]]]], or a list of them";

export const bgpPeersKind: Kind<BgpPeers> = {
  accepts: ACCEPTS,
  fromText(given: string, place: Place): BgpPeers | Invalid {
    if (given.length > LONGEST_PEERS) {
      place.secret().problem(`must be at most ${LONGEST_PEERS} characters`, given);
      return INVALID;
    }
    const parts = given.split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (parts.length === 0) {
      place.problem(`no BGP Peer configurations found; must be ${ACCEPTS}`);
      return INVALID;
    }
    return collect(parts.map((part, i) => () => fromString(part, place, `peer ${i + 1}: `)), place);
  },
  fromTree(tree: Tree, place: Place): BgpPeers | Invalid {
    if (tree.is === "scalar") return this.fromText(tree.text, place);
    if (tree.is === "map") return wrongType({ ...tree, entries: [] }, ACCEPTS, place);
    return collect(tree.items.map((one, i) => () => fromItem(one, place.below(i, one.line))), place);
  },
};

function collect(readers: readonly (() => BgpPeer | Invalid)[], place: Place): BgpPeers | Invalid {
  if (readers.length > MOST_PEERS) {
    place.problem(`has ${readers.length} peers, at most ${MOST_PEERS} are accepted`);
    return INVALID;
  }
  const peers: BgpPeer[] = [];
  let broken = false;
  for (const read of readers) {
    const peer = read();
    if (peer === INVALID) broken = true;
    else peers.push(peer);
  }
  if (broken) return INVALID;
  const join = (of: (peer: BgpPeer) => string): string => peers.map(of).join(",");
  return { peers, text: join((peer) => peer.text), shown: join((peer) => peer.shown) };
}

function fromItem(tree: Tree, place: Place): BgpPeer | Invalid {
  if (tree.is === "scalar") return fromString(tree.text, place, "");
  if (tree.is === "list") return wrongType({ ...tree, items: [] }, ACCEPTS, place);
  const section = new Section(place, tree, FILE_ONLY);
  const parts = readFields(section);
  const overrides = readOverrides(section);
  section.refuseUnknown(BGP_PEER_FIELDS);
  const beyondText = Object.values(OVERRIDES).filter((one) => section.has(one)).map((one) => one.key);
  if (parts.address === "" && parts.interface === "") place.problem("has neither address nor interface; give one");
  else if (parts.as === 0 && parts.interface === "") place.problem("has no as: give the AS of the peer");
  else if (/[:,]/.test(parts.password)) {
    place.problem("has a password with a colon or comma, which a peer string cannot carry; give a passwordFile");
  } else if (!fitsMd5(parts.password)) place.problem(TOO_LONG);
  else return { ...finished(parts), overrides, beyondText, place };
  return INVALID;
}

function readFields(section: Section): PeerParts {
  const read = <T>(field: Setting<T>): T => section.read(field).value;
  return {
    address: read(FIELDS.address),
    interface: read(FIELDS.interface),
    as: read(FIELDS.as),
    password: read(FIELDS.password),
    multihop: read(FIELDS.multihop),
    port: read(FIELDS.port),
    mpbgp: [read(FIELDS.nexthop), read(FIELDS.ipv4), read(FIELDS.ipv6)]
      .map((value, i) => value === "" ? "" : `${MP_OPTIONS[i]}=${value}`).filter((one) => one !== "").join(";"),
    bfd: [read(FIELDS.bfd), read(FIELDS.receive), read(FIELDS.transmit), read(FIELDS.multiplier)].join(";"),
  };
}

function readOverrides(section: Section): PeerOverrides {
  const read = <T>(field: Setting<T>): T => section.read(field).value;
  return {
    passive: read(OVERRIDES.passive),
    ttlSecurity: read(OVERRIDES.ttlSecurity),
    multihopTtl: read(OVERRIDES.multihopTtl),
    communities: read(OVERRIDES.communities),
    largeCommunities: read(OVERRIDES.largeCommunities),
    localPref: read(OVERRIDES.localPref),
    med: read(OVERRIDES.med),
    prepend: read(OVERRIDES.prepend),
    passwordFile: read(OVERRIDES.passwordFile),
    sourceIp: read(OVERRIDES.sourceIp),
    sourceInterface: read(OVERRIDES.sourceInterface),
  };
}

const TOO_LONG = `has a password of more than ${LONGEST_PASSWORD_BYTES} bytes, which is all that TCP-MD5 takes`;

function fromString(given: string, place: Place, which: string): BgpPeer | Invalid {
  try {
    const peer = finished(parsePeer(given));
    return { ...peer, overrides: NO_OVERRIDES, beyondText: [], place: place.secret(), text: given };
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    place.secret().problem(`${which}${error.message}`, given);
    return INVALID;
  }
}

/** `address:AS:password:multihop:port:mpbgp:bfd`, of which the first two are needed. */
function parsePeer(given: string): PeerParts {
  const { host, rest, unnumbered } = splitHost(given);
  const [as = "", password = "", multihop = "", port = "", mpbgp = "", bfd = "", ...more] = rest;
  if (host === "" || (as === "" && !unnumbered)) {
    throw new PeerError(`mandatory peering params <host>:<AS> incomplete; must be ${ACCEPTS}`);
  }
  if (!fitsMd5(password)) throw new PeerError(TOO_LONG);
  if (more.length > 0) throw new PeerError(`has more than seven fields; must be ${ACCEPTS}`);
  return {
    address: unnumbered ? "" : host,
    interface: unnumbered ? host : "",
    as: number(as === "" ? "0" : as, U32, `BGP Peer AS format error [${MASK}]; must be a number from 0 to ${U32}`),
    password,
    multihop: truth(multihop, `BGP MultiHop format error (true/false) [${MASK}]`),
    port: number(
      port === "" ? (unnumbered && rest.length < 4 ? "0" : "179") : port,
      65535,
      `BGP Peer Port format error [${MASK}]; must be a number from 0 to 65535`,
    ),
    mpbgp: mpOptions(mpbgp),
    bfd: bfdOptions(bfd),
  };
}

function splitHost(given: string): { host: string; rest: readonly string[]; unnumbered: boolean } {
  const unnumbered = given.startsWith("unnumbered:");
  const plain = unnumbered ? given.slice("unnumbered:".length) : given;
  if (!plain.startsWith("[")) {
    const [host = "", ...rest] = plain.split(":");
    return { host, rest, unnumbered };
  }
  const end = plain.indexOf("]");
  if (end < 0) throw new PeerError("no matching ] found for IPv6 BGP Peer");
  const after = plain.slice(end + 1);
  if (after !== "" && !after.startsWith(":")) {
    throw new PeerError("mandatory peering params <host>:<AS> incomplete; a colon follows the ]");
  }
  return { host: plain.slice(1, end), rest: after.split(":").slice(1), unnumbered };
}

function number(given: string, most: number, message: string): number {
  if (!/^\d{1,10}$/.test(given) || Number(given) > most) throw new PeerError(message);
  return Number(given);
}

function truth(given: string, message: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(given)) return true;
  if (/^(|0|f|F|false|FALSE|False)$/.test(given)) return false;
  throw new PeerError(message);
}

function mpOptions(given: string): string {
  const options = given.split(";").filter((one) => one !== "");
  for (const option of options) {
    const [key = "", value = ""] = option.split("=");
    if (value === "") {
      throw new PeerError(`peer configuration parameter '${MASK}' is missing a value (expected key=value)`);
    }
    if (!MP_OPTIONS.includes(key)) {
      throw new PeerError(`peer configuration parameter '${MASK}' is not supported; must be ${MP_OPTIONS.join(", ")}`);
    }
  }
  return options.join(";");
}

function bfdOptions(given: string): string {
  if (given === "") return DEFAULT_BFD;
  const parts = given.split(";");
  const numbers = parts.slice(1);
  const fits = numbers.every((one) => /^\d{1,10}$/.test(one) && Number(one) <= U32);
  if (parts.length !== 4 || !fits) throw new PeerError("BFD configuration error: must be enable;rx;tx;multiplier");
  return [truth(parts[0] ?? "", "BFD configuration error: enable must be true or false"), ...numbers].join(";");
}

/** With its texts: only as many fields as are needed. */
function finished(parts: PeerParts): PeerParts & Pick<BgpPeer, "text" | "shown"> {
  const host = parts.interface !== "" && parts.address === ""
    ? `unnumbered:${parts.interface}`
    : parts.address.includes(":")
    ? `[${parts.address}]`
    : parts.address;
  const bfd = parts.bfd === DEFAULT_BFD ? "" : parts.bfd;
  const write = (password: string): string =>
    [host, parts.as, password, parts.multihop, parts.port === 179 ? "" : parts.port, parts.mpbgp, bfd].join(":")
      .replace(/:+$/, "");
  return { ...parts, text: write(parts.password), shown: write(parts.password === "" ? "" : MASK) };
}
