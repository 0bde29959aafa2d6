/** Metrics of load balancers: there only where there are any. */

import { Counter, Gauge, type Registry } from "@kube-vip/metrics";
import { replace, type Sample } from "./instruments.ts";
import type { BackendReport, BalancerReport } from "./status_types.ts";

const BALANCER = "balancer";
/** `address:port`, as the status has it. */
const BACKEND = "backend";

/** One of each, in the given registry. */
export class BalancerInstruments {
  readonly #registry: Registry;
  readonly #info: Gauge;
  readonly #connections: Gauge;
  readonly #totalConnections: Counter;
  readonly #backendUp: Gauge;
  readonly #backendConnections: Gauge;
  readonly #backendTotal: Counter;
  readonly #backendFailures: Counter;
  readonly #backendBytes: Counter;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#info = this.#gauge(
      "kube_vip_balancer_info",
      "Constant 1; the labels say how the load balancer moves bytes, and why so where that was left to the program",
      [BALANCER, "type", "engine", "why"],
    );
    this.#connections = this.#gauge("kube_vip_balancer_connections", "Connections of clients now", [BALANCER]);
    this.#totalConnections = this.#counter(
      "kube_vip_balancer_connections_total",
      "Connections of clients that were taken",
      [BALANCER],
    );
    const each = [BALANCER, BACKEND];
    this.#backendUp = this.#gauge("kube_vip_backend_up", "1 while the backend gets connections, 0 while not", each);
    this.#backendConnections = this.#gauge(
      "kube_vip_backend_connections",
      "Connections that the backend has now; of type http: requests in flight",
      each,
    );
    this.#backendTotal = this.#counter(
      "kube_vip_backend_connections_total",
      "Connections given to the backend; of type http: requests",
      each,
    );
    this.#backendFailures = this.#counter(
      "kube_vip_backend_failures_total",
      "Connects and checks of the backend that failed",
      each,
    );
    this.#backendBytes = this.#counter(
      "kube_vip_backend_bytes_total",
      "Bytes both ways, where the engine counts them",
      each,
    );
  }

  /** Sets every series to what is so now. */
  collect(balancers: readonly BalancerReport[]): void {
    const front = (value: (balancer: BalancerReport) => number): Sample[] =>
      balancers.map((one) => [{ [BALANCER]: one.name }, value(one)]);
    const back = (value: (backend: BackendReport) => number | undefined): Sample[] =>
      balancers.flatMap(({ name, backends }) =>
        backends.flatMap((one): Sample[] => {
          const measured = value(one);
          return measured === undefined ? [] : [[{ [BALANCER]: name, [BACKEND]: one.name }, measured]];
        })
      );
    replace(
      this.#info,
      balancers.map((
        { name, type, engine, engineWhy = "" },
      ) => [{ [BALANCER]: name, type, engine, why: engineWhy }, 1]),
    );
    replace(this.#connections, front((one) => one.connections));
    replace(this.#totalConnections, front((one) => one.totalConnections));
    replace(this.#backendUp, back((one) => one.state === "up" ? 1 : 0));
    replace(this.#backendConnections, back((one) => one.connections));
    replace(this.#backendTotal, back((one) => one.totalConnections));
    replace(this.#backendFailures, back((one) => one.failures));
    replace(this.#backendBytes, back((one) => one.bytes));
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
