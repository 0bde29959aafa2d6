/** What went wrong with TLS to a backend, in words. The runtime's own are those of rustls, for people who know its source. */

/** A connection to a backend stood and could not be spoken on by TLS. The message is for the log. */
export class TlsFault extends Error {
  override readonly name = "TlsFault";
  /** What a client is told: nothing of names and issuers inside. */
  readonly refusal: string;

  constructor(detail: string, options: { readonly refusal: string; readonly cause: unknown }) {
    super(detail, { cause: options.cause });
    this.refusal = options.refusal;
  }
}

interface Words {
  readonly detail: string;
  readonly refusal: string;
}

const NOT_ACCEPTED = "the backend's certificate is not accepted";

/** Alerts of RFC 8446 §6 as rustls names them, for those that say what to do. */
const ALERTS: Readonly<Record<string, string>> = {
  AccessDenied: "it denies access to this client certificate",
  BadCertificate: "it finds the client certificate bad or missing",
  CertificateExpired: "it finds the client certificate expired",
  CertificateRequired: "it requires a client certificate",
  CertificateRevoked: "it finds the client certificate revoked",
  CertificateUnknown: "it does not accept the client certificate",
  HandshakeFailure: "it found nothing to agree on (or requires a client certificate)",
  NoApplicationProtocol: "it does not speak HTTP/1.1",
  ProtocolVersion: "it speaks neither TLS 1.2 nor 1.3",
  UnknownCA: "it does not trust the issuer of the client certificate",
  UnrecognisedName: "it does not know this server name",
};

/** `DnsName("a"), DnsName("b") or IpAddress(10.0.0.1)` as a person would write it. */
function plainNames(text: string): string {
  return text.replace(/(?:DnsName|IpAddress)\("?([^")]*)"?\)/g, "$1");
}

const KNOWN: readonly (readonly [RegExp, (match: RegExpExecArray, serverName: string) => Words])[] = [
  [/certificate not valid for name "[^"]*"(?:; certificate is only valid for (.*))?/, (match, serverName) => {
    const names = match[1] === undefined ? "it names others" : `it is for ${plainNames(match[1])}`;
    return { detail: `certificate is not for ${serverName}: ${names}`, refusal: NOT_ACCEPTED };
  }],
  [/NotValidForName/, (_, serverName) => {
    return { detail: `certificate is not for ${serverName}`, refusal: NOT_ACCEPTED };
  }],
  [/UnknownIssuer/, (_, serverName) => {
    return { detail: `certificate of ${serverName} is not from an issuer that is trusted`, refusal: NOT_ACCEPTED };
  }],
  [/(?:certificate expired|Expired)[^(]*(?:\(([0-9]+ seconds) ago\))?/, (match, serverName) => {
    const since = match[1] === undefined ? "" : ` for ${match[1]}`;
    return { detail: `certificate of ${serverName} has expired${since}`, refusal: NOT_ACCEPTED };
  }],
  [/not valid yet|NotValidYet/, (_, serverName) => {
    return { detail: `certificate of ${serverName} is not valid yet`, refusal: NOT_ACCEPTED };
  }],
  [/invalid peer certificate: (.*)/, (match, serverName) => {
    return { detail: `certificate of ${serverName} is not accepted: ${match[1]}`, refusal: NOT_ACCEPTED };
  }],
  [/received fatal alert: (\w+)/, (match, serverName) => {
    const why = ALERTS[match[1] ?? ""] ?? `it sent the alert ${match[1]}`;
    return { detail: `${serverName} ended the TLS connection: ${why}`, refusal: `the backend refused TLS: ${why}` };
  }],
  [/corrupt message/, (_, serverName) => {
    return { detail: `${serverName} does not speak TLS`, refusal: "the backend does not speak TLS" };
  }],
];

/** What an error of a connection to `serverName` says about TLS; null when it is about something else. */
export function tlsFault(error: unknown, serverName: string): TlsFault | null {
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, words] of KNOWN) {
    const match = pattern.exec(message);
    if (match === null) continue;
    const { detail, refusal } = words(match, serverName);
    return new TlsFault(detail, { refusal, cause: error });
  }
  return null;
}
