/** The `http` balancer of the engine `user` on one thread: each request goes to one backend; connections are kept on both sides. */
import type { BalancerConfig, HttpBalancerConfig } from "../../config/types.ts";
import type { IdleFate } from "../balancer.ts";
import { HttpClient } from "./http_client.ts";
import { HttpShared } from "./http_shared.ts";
import type { Flow, Service, ServiceContext } from "./types.ts";

/** Owns the clients of one http balancer on one thread and its connections to backends. */
export class HttpService implements Service {
  readonly #shared: HttpShared;
  readonly #clients = new Set<HttpClient>();
  readonly #forgetClient = (client: HttpClient): void => void this.#clients.delete(client);

  constructor(context: ServiceContext<HttpBalancerConfig>) {
    this.#shared = new HttpShared(context);
  }

  accepted(flow: Flow): void {
    const client = new HttpClient(flow, this.#shared, this.#forgetClient);
    if (!flow.isClosed) this.#clients.add(client);
  }

  drain(idle: IdleFate): void {
    this.#shared.draining = idle;
    for (const client of [...this.#clients]) client.drain(idle);
    this.#shared.kept.close();
  }

  cut(localIp: string | null): void {
    for (const client of [...this.#clients]) {
      if (localIp === null || client.flow.local.ip === localIp) client.cut();
    }
    if (localIp === null) this.#shared.kept.close();
  }

  forget(index: number): void {
    this.#shared.kept.forget(index);
  }

  /** @throws {TypeError} when it is not the configuration of an http balancer. */
  update(config: BalancerConfig): void {
    if (config.type !== "http") throw new TypeError(`not the front of an http balancer: ${config.type}`);
    this.#shared.update(config);
  }
}
