/** Clients of TLS for suites whose clients speak in the clear: a listener of the test's own beside each of the balancer's. */
import { createBalancer } from "../../../mod/balance/create.ts";
import type { Balancer, BalancerStatus, StopOptions } from "../../../mod/balance/balancer.ts";
import type { BalancerConfig } from "../../../mod/config/types.ts";
import type { Maker } from "../kit.ts";
import type { Authority, CertificateFiles } from "./certificates.ts";

/** A maker of balancers with TLS at the front that look as if they had none. */
export function bridgedMaker(authority: Authority, tls: CertificateFiles): Maker {
  return (config, deps) => new BridgedBalancer(createBalancer({ ...config, tls }, deps), authority);
}

class BridgedBalancer implements Balancer {
  readonly #inner: Balancer;
  readonly #authority: Authority;
  readonly #bridges = new Map<string, Bridge>();

  constructor(inner: Balancer, authority: Authority) {
    this.#inner = inner;
    this.#authority = authority;
  }

  get config(): BalancerConfig {
    return this.#inner.config;
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  bind(ip: string): void {
    this.#inner.bind(ip);
  }

  release(ip: string): void {
    this.#inner.release(ip);
    this.#follow();
  }

  update(config: BalancerConfig): void {
    this.#inner.update({ ...config, tls: this.#inner.config.tls });
  }

  async stop(options?: StopOptions): Promise<void> {
    const stopping = this.#inner.stop(options);
    for (const bridge of this.#bridges.values()) bridge.refuse();
    await stopping;
    await Promise.all([...this.#bridges.values()].map((bridge) => bridge.close()));
  }

  status(): BalancerStatus {
    this.#follow();
    const status = this.#inner.status();
    return { ...status, listening: status.listening.map((address) => this.#bridges.get(address)?.address ?? "") };
  }

  /** Listens where the balancer does, and nowhere else. */
  #follow(): void {
    const { listening } = this.#inner.status();
    for (const address of listening) {
      if (!this.#bridges.has(address)) this.#bridges.set(address, new Bridge(address, this.#authority));
    }
    for (const [address, bridge] of this.#bridges) if (!listening.includes(address)) bridge.refuse();
  }
}

class Bridge {
  readonly address: string;
  readonly #target: number;
  readonly #authority: Authority;
  readonly #listener: Deno.TcpListener;
  readonly #running: Promise<void>;
  readonly #conns = new Set<Promise<void>>();
  readonly #open = new Set<() => void>();
  #isRefusing = false;

  constructor(address: string, authority: Authority) {
    const [, hostname = "", port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(address) ?? [];
    this.#target = Number(port);
    this.#authority = authority;
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.address = address.replace(/\d+$/, String(this.#listener.addr.port));
    this.#running = this.#accept();
  }

  refuse(): void {
    if (!this.#isRefusing) this.#listener.close();
    this.#isRefusing = true;
  }

  async close(): Promise<void> {
    this.refuse();
    await this.#running;
    // A balancer that has stopped has closed both directions; here that looks like the end of one.
    for (const close of this.#open) close();
    await Promise.all(this.#conns);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const carried = this.#carry(conn).catch(() => {}).then(() => void this.#conns.delete(carried));
      this.#conns.add(carried);
    }
  }

  async #carry(plain: Deno.TcpConn): Promise<void> {
    plain.setNoDelay(true);
    // The address that the client came to is the one to go on to.
    const hostname = plain.localAddr.hostname.replace(/^::ffff:/, "");
    const tcp = await Deno.connect({ hostname, port: this.#target }).catch(() => null);
    if (tcp === null) return plain.close();
    tcp.setNoDelay(true);
    const secure = await Deno.startTls(tcp, { hostname: "localhost", caCerts: [this.#authority.ca] });
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      this.#open.delete(close);
      plain.close();
      secure.close();
    };
    this.#open.add(close);
    await Promise.all([copy(plain, secure).catch(close), copy(secure, plain).catch(close)]);
    close();
  }
}

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count: number | null; (count = await from.read(buffer)) !== null;) {
    for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
  }
  await to.closeWrite();
}
