/** The backends of a load balancer: reading them as given. */

import type { Ip } from "../net/ip.ts";
import type { Place } from "./findings.ts";
import { int, optional, port, scalar, wrongType } from "./kinds.ts";
import { memberIp } from "./peers.ts";
import { FILE_ONLY, Section } from "./section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "./setting.ts";
import type { Tree } from "./tree.ts";

/** A backend as given: an address, a URL, or (in old files) one of them blank. */
export interface GivenBackend extends Shown {
  readonly ip: Ip | null;
  /** null: the balancer's `backendPort`. */
  readonly port: number | null;
  readonly url: URL | null;
  readonly weight: number;
  readonly place: Place;
}

const URL_ACCEPTS = "a URL like http://192.168.0.70:8080, with or without a path";

const backendUrl: Kind<URL> = scalar(URL_ACCEPTS, (given, place) => {
  const url = URL.canParse(given) ? new URL(given) : null;
  const shown = given.replace(/\/\/[^/]*@/, "//********@");
  if (url === null || url.hostname === "" || !/^https?:$/.test(url.protocol)) {
    place.problem("Unable to parse, ensure it's prefixed with http:// or https:// and names a host", shown);
    return INVALID;
  }
  const why = refusal(url);
  if (why === null) return url;
  place.problem(why, shown);
  return INVALID;
});

function refusal(url: URL): string | null {
  if (url.username + url.password !== "") return "must not contain a user name or password";
  return url.search + url.hash === "" ? null : "must not contain a query or a fragment";
}

export const BACKEND = {
  address: setting<Ip | null>({ key: "address", kind: memberIp, fallback: null, help: "IP address of the backend" }),
  port: setting<number | null>({
    key: "port",
    kind: optional(int(0, 65535, "a port")),
    fallback: null,
    fallbackText: "`backendPort`",
    help: "Port of the backend",
  }),
  url: setting<URL | null>({
    key: "url",
    aliases: ["rawURL"],
    kind: backendUrl,
    fallback: null,
    help: "Instead of address and port, for balancers of type http: http://host:port[/path] or https://…",
  }),
  weight: setting({ key: "weight", kind: int(1, 1000), fallback: 1, help: "Share compared with the other backends" }),
};

export const BACKEND_FIELDS: readonly Setting<unknown>[] = Object.values(BACKEND);

/** A backend: a mapping in a file, `address:port` or a URL as text. */
export const backendKind: Kind<GivenBackend> = {
  accepts: "{address, port} or {url}, as text address:port or http://host:port",
  fromTree(tree: Tree, place: Place): GivenBackend | Invalid {
    if (tree.is === "scalar") return this.fromText(tree.text, place);
    if (tree.is === "list") return wrongType(tree, this.accepts, place);
    const section = new Section(place, tree, FILE_ONLY);
    const address = section.read(BACKEND.address);
    const given = section.read(BACKEND.port);
    const url = section.read(BACKEND.url);
    const weight = section.read(BACKEND.weight);
    section.finish(BACKEND_FIELDS);
    if ([address, given, url, weight].some((one) => one.origin === "invalid")) return INVALID;
    if (address.value === null && url.value === null) {
      place.problem(`names no machine; must be ${this.accepts}`);
      return INVALID;
    }
    if (address.value !== null && url.value !== null) address.place.warning("has no effect: the url is used");
    return { ...shown(address.value, given.value, url.value), weight: weight.value, place };
  },
  fromText(given: string, place: Place): GivenBackend | Invalid {
    if (given.includes("://")) {
      const url = backendUrl.fromText(given, place);
      return url === INVALID ? INVALID : { ...shown(null, null, url), weight: 1, place };
    }
    const match = /^(.*):(\d{1,5})$/.exec(given);
    if (match === null) {
      place.problem("must be address:port, like 192.168.0.70:6443, or http://host:port", given);
      return INVALID;
    }
    const ip = memberIp.fromText((match[1] ?? "").replace(/^\[(.*)\]$/, "$1"), place);
    const number = port.fromText(match[2] ?? "", place);
    return ip === INVALID || number === INVALID ? INVALID : { ...shown(ip, number, null), weight: 1, place };
  },
};

function shown(ip: Ip | null, given: number | null, url: URL | null): Omit<GivenBackend, "weight" | "place"> {
  // Zero is what the files upstream printed for "not given".
  const port = given === 0 ? null : given;
  if (url !== null || ip === null) return { ip: null, port: null, url, shown: url?.href ?? "" };
  const host = ip.family === 6 ? `[${ip.text}]` : ip.text;
  return { ip, port, url: null, shown: port === null ? host : `${host}:${port}` };
}
