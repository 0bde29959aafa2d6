/** Where etcd is: which endpoint is asked, and which one next when that one fails. Pure. */

/** Thrown for endpoints that no request can be sent to. */
export class EtcdEndpointError extends Error {
  override readonly name = "EtcdEndpointError";
}

/** The endpoints of a cluster, one of which is current. */
export class Endpoints {
  readonly #urls: readonly string[];
  #at = 0;

  /**
   * @param given URLs, or `host:port` as clientv3 takes them
   * @param secure what a `host:port` means: https or http
   * @throws EtcdEndpointError if there is none, or one is neither
   */
  constructor(given: readonly string[], secure: boolean) {
    this.#urls = given.map((text) => endpointUrl(text, secure));
    if (this.#urls.length === 0) throw new EtcdEndpointError("no etcd endpoint is given: at least one URL is needed");
  }

  /** The base URL to ask, without a slash at its end. */
  get current(): string {
    return this.#urls[this.#at] ?? "";
  }

  /** `url` has failed: the next one becomes current, unless that has happened already. */
  failed(url: string): void {
    if (url === this.current) this.#at = (this.#at + 1) % this.#urls.length;
  }
}

function endpointUrl(text: string, secure: boolean): string {
  const trimmed = text.trim();
  const full = trimmed.includes("://") ? trimmed : `${secure ? "https" : "http"}://${trimmed}`;
  const url = URL.canParse(full) ? new URL(full) : null;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isHttp || url.hostname === "" || url.pathname !== "/" || url.search !== "") {
    throw new EtcdEndpointError(`etcd endpoint "${text}": an http or https URL with host and port is accepted`);
  }
  return url.origin;
}
