/** TLS of a load balancer: reading what clients are shown, and how https backends are spoken to. */

import { MASK, type Place } from "./findings.ts";
import { absolutePath, matching, optional, scalar, wrongType } from "./kinds.ts";
import { FILE_ONLY, type Given, Section } from "./section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "./setting.ts";
import type { Mapping, Tree } from "./tree.ts";
import type { BackendTls, FrontTls } from "./types.ts";

/** No path of a file of TLS is as long as a key in Base64. */
const LONGEST_SHOWN = 100;

/** What is in a file, given in place of its path, may be a key: it is not repeated. */
const pathOfFile: Kind<string> = scalar(absolutePath.accepts, (given, place) => {
  const isContent = given.includes("-----BEGIN") || (!given.startsWith("/") && given.length > LONGEST_SHOWN);
  if (!isContent) return absolutePath.fromText(given, place);
  place.problem("must be the absolute path of a file, not what is in it", MASK);
  return INVALID;
});

const file = (key: string, help: string): Setting<string | null> =>
  setting<string | null>({ key, kind: optional(pathOfFile), fallback: null, help });

export const FRONT_TLS = {
  certificateFile: file("certificateFile", "The certificate that clients are shown, with its chain, in PEM"),
  keyFile: file("keyFile", "Its private key in PEM; both files are read again when they change"),
};

export const FRONT_TLS_FIELDS: readonly Setting<unknown>[] = Object.values(FRONT_TLS);

export const BACKEND_TLS = {
  caFile: setting<string | null>({
    key: "caFile",
    kind: optional(pathOfFile),
    fallback: null,
    fallbackText: "whom the system trusts",
    help: "Who may have issued the certificates of https backends, besides those the system trusts, in PEM",
  }),
  serverName: setting<string | null>({
    key: "serverName",
    kind: optional(matching(/^[A-Za-z0-9_.:-]{1,253}$/, "a host name or an IP address")),
    fallback: null,
    fallbackText: "the host of the URL",
    help: "The name that the certificates of https backends must carry",
  }),
  certificateFile: file("certificateFile", "The certificate shown to https backends that ask for one, in PEM"),
  keyFile: file("keyFile", "Its private key in PEM"),
};

export const BACKEND_TLS_FIELDS: readonly Setting<unknown>[] = Object.values(BACKEND_TLS);

/** `tls` as given. */
export type GivenFrontTls = FrontTls & Shown;

/** `backendTls` as given. */
export type GivenBackendTls = BackendTls & Shown;

export const NO_BACKEND_TLS: GivenBackendTls = { caFile: null, serverName: null, client: null, shown: "" };

/** What clients are shown. */
export const frontTlsKind: Kind<GivenFrontTls> = groupKind("{certificateFile, keyFile}", (section, place) => {
  const pair = readPair(section.read(FRONT_TLS.certificateFile), section.read(FRONT_TLS.keyFile));
  section.finish(FRONT_TLS_FIELDS);
  if (pair === null) place.problem("names no files; must be {certificateFile, keyFile}");
  return pair === null || pair === INVALID ? INVALID : { ...pair, shown: pair.certificateFile };
});

/** How https backends are spoken to. */
export const backendTlsKind: Kind<GivenBackendTls> = groupKind(
  "{caFile, serverName, certificateFile, keyFile}",
  (section) => {
    const caFile = section.read(BACKEND_TLS.caFile);
    const serverName = section.read(BACKEND_TLS.serverName);
    const client = readPair(section.read(BACKEND_TLS.certificateFile), section.read(BACKEND_TLS.keyFile));
    section.finish(BACKEND_TLS_FIELDS);
    if (client === INVALID || caFile.origin === "invalid" || serverName.origin === "invalid") return INVALID;
    return { caFile: caFile.value, serverName: serverName.value, client, shown: caFile.value ?? "" };
  },
);

function groupKind<T>(accepts: string, read: (section: Section, place: Place) => T | Invalid): Kind<T> {
  return {
    accepts,
    fromTree(tree: Tree, place: Place): T | Invalid {
      return tree.is === "map"
        ? read(new Section(place, tree satisfies Mapping, FILE_ONLY), place)
        : wrongType(tree, accepts, place);
    },
    fromText: () => INVALID,
  };
}

/** A certificate is nothing without its key; null without both. */
function readPair(certificate: Given<string | null>, key: Given<string | null>): FrontTls | null | Invalid {
  if (certificate.origin === "invalid" || key.origin === "invalid") return INVALID;
  if (certificate.value === null && key.value === null) return null;
  if (certificate.value !== null && key.value !== null) {
    return { certificateFile: certificate.value, keyFile: key.value };
  }
  const missing = certificate.value === null ? certificate : key;
  missing.place.problem("is missing: a certificate and its key belong together");
  return INVALID;
}
