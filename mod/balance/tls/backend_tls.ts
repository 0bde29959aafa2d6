/**
 * TLS to the backends. With a client's certificate it is `Deno.connectTls`, which alone takes one; the name that the backend's certificate
 * must carry goes in by the runtime's `Symbol.for("unstableServerName")` where it is another than the host (in 2.7.14 and 2.9.6; where a
 * runtime has it no more, such a backend is refused for its name, not trusted). Otherwise it is `Deno.connect` and `Deno.startTls`, where a
 * connect that takes too long can be taken back.
 */
import type { BackendTls } from "../../config/types.ts";
import { sendAtOnce } from "../../linux/tcp_options.ts";
import type { Log } from "../../observe/log.ts";
import type { Clock } from "../../base/clock.ts";
import { BalancerError, type ConnectionResetter } from "../balancer.ts";
import { type DialledConn, endpoint } from "../byte_stream.ts";
import { dial, type DialOptions, type DialOutcome, type DialTarget } from "../dial.ts";
import { issuers, type KeyPair, keyPair } from "./pem.ts";
import { tlsFault } from "./tls_fault.ts";
import { WatchedFiles } from "./watched_files.ts";

/** Only this is spoken to backends. */
const PROTOCOLS = ["http/1.1"];
const SERVER_NAME = Symbol.for("unstableServerName");

/** Backends whose last line is remembered; balancers have far fewer, but an update may bring others again and again. */
const MAX_LOGGED = 1000;

interface Credentials {
  readonly caCerts: string[];
  readonly client: KeyPair | null;
}

/** What backends are spoken to with. */
export interface BackendTlsOptions {
  /** The balancer's name, for log lines. */
  readonly name: string;
  readonly config: BackendTls;
  readonly clock: Clock;
  readonly log: Log;
  readonly resetter: ConnectionResetter;
}

/** Owns the files; opens connections. */
export class BackendTlsDialer {
  readonly #options: BackendTlsOptions;
  readonly #files: WatchedFiles<Credentials>;
  /** What was logged last of each backend. */
  readonly #logged = new Map<string, string>();

  /** Reads the files. Throws {@link BalancerError} naming the one that cannot be used. */
  constructor(options: BackendTlsOptions) {
    const { name, config, clock, log } = options;
    this.#options = options;
    const { caFile, client } = config;
    const caPaths = caFile === null ? [] : [caFile];
    const clientPaths = client === null ? [] : [client.certificateFile, client.keyFile];
    try {
      this.#files = new WatchedFiles({
        clock,
        paths: [...caPaths, ...clientPaths],
        make: (texts) => ({
          caCerts: caPaths.map((path, at) => issuers(path, texts[at] ?? "")),
          client: client === null ? null : keyPair(client, texts.slice(caPaths.length)),
        }),
        onChange: () => log.info("Files of TLS to backends renewed", { balancer: name }),
        onFailure: (reason) =>
          log.error("Files of TLS to backends not renewed, those before stay", { balancer: name, reason }),
      });
    } catch (error) {
      throw new BalancerError("use backendTls of", name, { cause: error });
    }
  }

  /** Looks at the files now. */
  look(): void {
    this.#files.look();
  }

  /** Looks at them no more. */
  close(): void {
    this.#files.close();
  }

  /** Connects, and agrees on TLS with those that want it, both within the time. Never rejects. */
  async dial(target: DialTarget, options: DialOptions): Promise<DialOutcome> {
    if (target.isSecure !== true) return await dial(target, options);
    if (options.signal.aborted) return { outcome: "aborted" };
    const opening = new Opening(this.#options.resetter);
    const { clock, signal, timeoutMs } = options;
    return await new Promise((resolve) => {
      const settle = (outcome: DialOutcome): void => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        resolve(outcome);
      };
      const giveUp = (outcome: DialOutcome): void => {
        settle(outcome);
        opening.giveUp();
      };
      const onAbort = (): void => giveUp({ outcome: "aborted" });
      const timer = clock.after(timeoutMs, () => {
        giveUp({
          outcome: "failed",
          detail: `no ${opening.isConnected ? "TLS" : "connection"} within ${timeoutMs} ms`,
        });
      });
      signal.addEventListener("abort", onAbort);
      this.#open(target, { options, opening }).then(settle, (error: unknown) => {
        settle(this.#failure(target, error));
        opening.close();
      });
    });
  }

  async #open(
    target: DialTarget,
    { options, opening }: { readonly options: DialOptions; readonly opening: Opening },
  ): Promise<DialOutcome> {
    const { caCerts, client } = this.#files.value;
    const serverName = this.#serverName(target);
    const common = { caCerts: [...caCerts], alpnProtocols: PROTOCOLS };
    let conn: Deno.TlsConn;
    if (client === null) {
      const { hostname, port } = target;
      const dialled = await dial({ hostname, port }, options);
      if (dialled.outcome !== "connected") return dialled;
      const tcp = opening.hold(dialled.conn);
      tcp.setNoDelay(true);
      conn = opening.hold(await Deno.startTls(tcp, { ...common, hostname: serverName }));
    } else {
      const { hostname, port } = target;
      conn = opening.hold(await connectTls({ ...common, ...client, hostname, port, [SERVER_NAME]: serverName }));
      sendAtOnce(endpoint(conn.localAddr), endpoint(conn.remoteAddr));
    }
    await conn.handshake();
    return { outcome: "connected", conn: this.#watched(conn, target) };
  }

  #serverName(target: DialTarget): string {
    return this.#options.config.serverName ?? target.hostname;
  }

  /** Alerts come later than the handshake: in TLS 1.3 that of a server which misses the client's certificate. */
  #watched(conn: Deno.TlsConn, target: DialTarget): DialledConn {
    let isProven = false;
    const fail = (error: unknown): never => {
      const fault = tlsFault(error, this.#serverName(target));
      if (fault === null) throw error;
      this.#note(target, fault.message);
      throw fault;
    };
    return {
      localAddr: conn.localAddr,
      remoteAddr: conn.remoteAddr,
      read: async (into) => {
        const count = await conn.read(into).catch(fail);
        if (!isProven) this.#logged.delete(nameOf(target));
        isProven = true;
        return count;
      },
      write: (bytes) => conn.write(bytes).catch(fail),
      closeWrite: () => conn.closeWrite(),
      close: () => conn.close(),
    };
  }

  #failure(target: DialTarget, error: unknown): DialOutcome {
    const fault = tlsFault(error, this.#serverName(target));
    if (fault === null) return { outcome: "failed", detail: error instanceof Error ? error.message : String(error) };
    this.#note(target, fault.message);
    return { outcome: "failed", detail: fault.message, refusal: fault.refusal };
  }

  /** One line for as long as it is the same with this backend. */
  #note(target: DialTarget, reason: string): void {
    const backend = nameOf(target);
    if (this.#logged.get(backend) === reason) return;
    if (this.#logged.size >= MAX_LOGGED) this.#logged.clear();
    this.#logged.set(backend, reason);
    this.#options.log.warning("Backend cannot be spoken to by TLS", { balancer: this.#options.name, backend, reason });
  }
}

function nameOf({ hostname, port }: DialTarget): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** The server's name is not among the options that the runtime declares. */
function connectTls(
  options: Deno.ConnectTlsOptions & Deno.TlsCertifiedKeyPem & { [SERVER_NAME]: string },
): Promise<Deno.TlsConn> {
  return Deno.connectTls(options);
}

/** What is open so far of a connection to be, so that it can be given up at any moment. */
class Opening {
  readonly #resetter: ConnectionResetter;
  #held: Deno.TcpConn | Deno.TlsConn | null = null;
  #isGivenUp = false;

  constructor(resetter: ConnectionResetter) {
    this.#resetter = resetter;
  }

  get isConnected(): boolean {
    return this.#held !== null;
  }

  /** Takes note of what is open now, in place of what was before. Throws, after closing it, when all was given up meanwhile. */
  hold<Conn extends Deno.TcpConn | Deno.TlsConn>(conn: Conn): Conn {
    this.#held = conn;
    if (!this.#isGivenUp) return conn;
    this.#cut();
    throw new Error("given up");
  }

  /** Nobody waits for it any more. */
  giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#cut();
  }

  /** It has failed by itself. */
  close(): void {
    try {
      this.#held?.close();
    } catch {
      // Deno throws BadResource when the runtime has closed it first; closed is all that is wanted.
    }
    this.#held = null;
  }

  /** `close()` of a TLS connection in the middle of its handshake waits for the other side, for ever (Deno 2.7 and 2.9). */
  #cut(): void {
    const held = this.#held;
    if (held !== null) this.#resetter.resetOne(endpoint(held.localAddr), endpoint(held.remoteAddr));
    this.close();
  }
}
