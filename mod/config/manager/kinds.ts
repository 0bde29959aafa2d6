/** The kinds of values that only `manager` reads, each with upstream's limits. */

import { parseIp } from "../../net/ip.ts";
import { MASK, type Place } from "../findings.ts";
import { matching, scalar, U32, wrongType } from "../kinds.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type SettingDraft, type Shown } from "../setting.ts";
import { showTree, type Tree } from "../tree.ts";
import type { ListenAddress } from "./types.ts";

/** A setting of `manager` and `service`: of two names the first counts, as upstream reads them. */
export function managed<T>(draft: SettingDraft<T>): Setting<T> {
  return setting({ commands: ["manager", "service"], rivals: "first", ...draft });
}

/** A group that is nothing but its fields: `bgpConfig`, `etcd` and so on. */
export const group: Kind<null> = { accepts: "a mapping", fromText: () => null, fromTree: () => null };

/** Go's int, as far as numbers are exact here; upstream takes any. */
export const LARGEST = 999_999_999_999_999;

type Level = "debug" | "info" | "warning" | "error";

const LEVEL_WORDS: Readonly<Record<string, Level>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
};

/** A level as Go's slog counts them. */
export const SLOG_LEVEL: Readonly<Record<Level, number>> = { debug: -4, info: 0, warning: 4, error: 8 };

const LEVEL_ACCEPTS = "debug, info, warning or error, or a number of slog: -4 debug, 0 info, 4 warning, 8 error " +
  "(5 and 6, as of old, debug)";

/** slog's numbers; 5 and 6 are what logrus, which upstream had before, called debug and trace, and no slog level. */
export const logLevel: Kind<Level> = scalar(LEVEL_ACCEPTS, (given, place) => {
  const level = /^-?\d{1,9}$/.test(given) ? ofNumber(Number(given)) : LEVEL_WORDS[given.trim().toLowerCase()];
  if (level !== undefined) return level;
  place.problem(`unable to parse environment variable [vip_loglevel], should be int: must be ${LEVEL_ACCEPTS}`, given);
  return INVALID;
});

function ofNumber(level: number): Level {
  if (level < 0 || level === 5 || level === 6) return "debug";
  if (level === 0) return "info";
  return level <= 4 ? "warning" : "error";
}

/** A duration as Go's ParseDuration takes it, kept as text: `0s`, `250ms`, `1m30s`. */
export const goDuration: Kind<string> = matching(
  /^(0|(\d{1,9}(\.\d{0,9})?(ns|us|µs|μs|ms|s|m|h))+)$/,
  "a duration like 0s, 250ms or 1m30s",
);

/** Names of Kubernetes objects: DNS names of RFC 1123 (subdomains), and single labels for namespaces. */
const LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

/** The name of a namespace. */
export const namespaceName: Kind<string> = matching(
  new RegExp(`^${LABEL}$`),
  "the name of a namespace: lower case letters, digits and hyphens",
);

/** A Lease as given: `name` or `namespace/name`. */
export interface GivenLease extends Shown {
  readonly namespace: string | null;
  readonly name: string;
}

const LEASE = new RegExp(`^(?:(${LABEL})/)?(?=.{1,253}$)(${SUBDOMAIN})$`);

export const leaseName: Kind<GivenLease> = scalar(
  "the name of a Lease, or namespace/name: lower case letters, digits, hyphens, and dots in the name",
  (given) => {
    const match = LEASE.exec(given);
    const name = match?.[3];
    return name === undefined ? null : { namespace: match?.[1] ?? null, name, shown: given };
  },
);

/** Where to listen as given; null: nowhere. */
export interface GivenListen extends Shown {
  readonly at: ListenAddress | null;
}

/** `:2112`, `host:port` or `[v6]:port`; empty: off. */
export const listen: Kind<GivenListen> = scalar(
  "empty (off), :port, or address:port with an IP address (IPv6 in brackets)",
  (given) => {
    if (given === "") return { at: null, shown: "" };
    const match = /^(?:([0-9.]*)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})$/.exec(given);
    const host = match?.[1] ?? match?.[2] ?? "";
    const port = Number(match?.[3]);
    if (match === null || port > 65535 || (host !== "" && parseIp(host) === null)) return null;
    return { at: { host, port }, shown: given };
  },
);

/** A small map of texts; the text of a variable is JSON. */
export interface GivenMap extends Shown {
  readonly entries: Readonly<Record<string, string>>;
}

const MOST_ANNOTATIONS = 64;
const LONGEST_MAP = 16 * 1024;
const ANNOTATION_KEY = new RegExp(`^(?:(?=.{1,253}/)${SUBDOMAIN}/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$`);
const MAP_ACCEPTS = 'a JSON object of texts with names of annotations, like {"example.com/team": "a"}';

export const annotationMap: Kind<GivenMap> = {
  accepts: MAP_ACCEPTS,
  fromText(given: string, place: Place): GivenMap | Invalid {
    const value = given.length > LONGEST_MAP ? null : parseJson(given);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return toMap(Object.entries(value), { given, place });
    }
    place.problem(`must be ${MAP_ACCEPTS}`, given);
    return INVALID;
  },
  fromTree(tree: Tree, place: Place): GivenMap | Invalid {
    if (tree.is === "scalar") return this.fromText(tree.text, place);
    if (tree.is === "list") return wrongType(tree, MAP_ACCEPTS, place);
    const entries = tree.entries.map(({ key, value }): [string, unknown] => [
      key,
      value.is === "scalar" ? value.value : null,
    ]);
    return toMap(entries, { given: showTree(tree), place });
  },
};

/** Kept in one order, so that equal maps have equal texts. */
function toMap(
  entries: readonly (readonly [string, unknown])[],
  { given, place }: { given: string; place: Place },
): GivenMap | Invalid {
  const texts = entries.filter((entry): entry is [string, string] =>
    typeof entry[1] === "string" && ANNOTATION_KEY.test(entry[0])
  );
  if (texts.length < entries.length || texts.length > MOST_ANNOTATIONS) {
    place.problem(`must be ${MAP_ACCEPTS}, at most ${MOST_ANNOTATIONS} of them`, given);
    return INVALID;
  }
  const sorted = Object.fromEntries(texts.toSorted(([a], [b]) => a < b ? -1 : 1));
  return { entries: sorted, shown: texts.length === 0 ? "" : JSON.stringify(sorted) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** nftables' names have 255 bytes; the rest is for what is put around the name. */
const LONGEST_INSTANCE_NAME = 243;

export const instanceName: Kind<string> = scalar(
  "1 to 243 ASCII letters, digits, '.', '-' and '_'",
  (given, place) => {
    const bytes = new TextEncoder().encode(given);
    const bad = /[^A-Za-z0-9._-]/u.exec(given);
    if (bytes.length > LONGEST_INSTANCE_NAME) {
      place.problem(`instance_name is ${bytes.length} bytes, must not exceed ${LONGEST_INSTANCE_NAME} bytes`, given);
      return INVALID;
    }
    if (bad === null) return given;
    const at = new TextEncoder().encode(given.slice(0, bad.index)).length;
    const shown = quoted(given);
    place.problem(
      `instance_name ${shown} contains invalid character ${
        quoted(bad[0]).replace(/^"(.*)"$/, "'$1'")
      } at byte ${at}; ` +
        "only ASCII letters, digits, '.', '-' and '_' are allowed",
    );
    return INVALID;
  },
);

/** Text in quotes with what would not print escaped, as Go's %q. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

const METHODS = ["local", "masquerade", "tunnel", "directroute", "bypass"];

/** Upstream takes `local` for whatever it does not know. */
export const forwardingMethod: Kind<string> = scalar(`${METHODS.join(", ")}`, (given, place) => {
  const method = given.trim().toLowerCase();
  if (METHODS.includes(method)) return method;
  place.warning(`is no forwarding method, local is taken; must be one of ${METHODS.join(", ")}`, given);
  return "local";
});

/** Times a DHCP lease is asked for; upstream does not look at negative numbers. */
export const attempts: Kind<number> = scalar("a number of attempts, 0 for no end", (given, place) => {
  if (!/^-?\d{1,10}$/.test(given) || Number(given) > U32) return null;
  if (Number(given) >= 0) return Number(given);
  place.warning("is negative and not used; must be a number of attempts, 0 for no end", given);
  return 3;
});

/** Which of etcd's servers are asked. */
export const etcdEndpoint: Kind<string> = scalar("host:port, or a URL like https://10.0.0.1:2379", (given) => {
  const url = /^https?:\/\//i.test(given) ? given : `https://${given}`;
  if (!URL.canParse(url)) return null;
  const { hostname, pathname, search, hash, username, password } = new URL(url);
  const bare = hostname !== "" && pathname === "/" && search + hash + username + password === "";
  return bare ? given.replace(/\/$/, "") : null;
});

/** What is put in the place of the API server's address: a host, host:port, or a URL. */
export const serverAddress: Kind<string> = scalar("a host, host:port, or a URL like https://10.0.0.1:6443", (given) => {
  const url = given.includes("://") ? given : `https://${parseIp(given)?.family === 6 ? `[${given}]` : given}`;
  if (/\s/.test(given) || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return null;
  const { hostname, username, password } = new URL(url);
  return hostname !== "" && username + password === "" ? given : null;
});

/** An URL that is asked whether the API server is well; its user and password are never printed. */
export interface GivenUrl extends Shown {
  readonly url: URL | null;
  readonly text: string;
}

export const healthUrl: Kind<GivenUrl> = scalar("an http or https URL", (given, place) => {
  if (given === "") return { url: null, text: "", shown: "" };
  const shown = given.replace(/\/\/[^/]*@/, `//${MASK}@`);
  const name = `control_plane_health_check_address ${quoted(shown)}`;
  const url = /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(given) && URL.canParse(given) ? new URL(given) : null;
  if (url === null) {
    place.problem(`${name} is not a valid URL: it must be an http or https URL, like https://127.0.0.1:6443/livez`);
    return INVALID;
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https") {
    place.problem(`${name} has unsupported scheme ${quoted(scheme)}, expected http or https`);
    return INVALID;
  }
  if (/^https?:\/\/[^/]/i.test(given)) return { url, text: given, shown };
  place.problem(`${name} is not a valid URL: it names no host`);
  return INVALID;
});
