/** A node of a control plane for tests: a cabled machine on the real kernel, and a fake API server in the namespace of the test. */
import assert from "node:assert/strict";
import { electionOf } from "../../mod/agent/elections.ts";
import { HostKernel } from "../../mod/agent/host_kernel.ts";
import { ManagerAgent } from "../../mod/agent/manager_agent.ts";
import { routingOf } from "../../mod/agent/routing_choice.ts";
import { loadManagerValues } from "../../mod/config/manager/load.ts";
import type { ManagerConfig } from "../../mod/config/manager/types.ts";
import type { Lookup } from "../../mod/names/lookup.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { BASE, input, mustLoad } from "../config/manager/helpers.ts";
import { FakeApiServer, type FakeObject, parsePath } from "../fakes/kube/api_server.ts";
import type { RequestRecord } from "../fakes/kube/api_server.ts";
import { clientOf } from "../kube/kit.ts";
import { CabledMachine } from "../vip/machine.ts";

export const V4 = "10.98.0.200";
export const V6 = "fd98::200";
export const NODE = "node-1";
/** What must never be seen. */
export const SECRET = "open-sesame-open-sesame";
export const LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock";
/** The shortest ones that leave a second between the end of a grant and the next holder. */
export const TIMES = { durationMs: 3000, renewDeadlineMs: 2000, retryMs: 500 };
/** A right counts from the start of its write, and lasts so long with {@link TIMES}. */
export const GRANT_MS = 2000;
/** For what takes a second or two; a busy machine gets more. */
const LIMIT_MS = 15_000;

export interface NodeOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Over what {@link NodeOptions.env} leads to. */
  readonly config?: Partial<ManagerConfig>;
  readonly lookup?: Lookup;
}

function environment(more: Readonly<Record<string, string>>): Record<string, string> {
  return { ...BASE, address: `${V4},${V6}`, ["vip_interface"]: "eth0", ["vip_nodename"]: NODE, ...more };
}

/** A configuration with short times. */
export function managerConfig(options: NodeOptions & { readonly stateDir: string }): ManagerConfig {
  const config = mustLoad({ env: environment(options.env ?? {}) });
  const { stateDir } = options;
  return { ...config, lease: { ...config.lease, times: TIMES }, metrics: null, stateDir, ...options.config };
}

/** See the head of this file. */
export class ManagedNode {
  readonly cabled = new CabledMachine();
  readonly api = FakeApiServer.start();
  readonly stateDir = Deno.makeTempDirSync();
  readonly config: ManagerConfig;
  readonly agent: ManagerAgent;

  constructor(options: NodeOptions = {}) {
    const { stateDir, cabled: { machine, link } } = this;
    const config = this.config = managerConfig({ ...options, stateDir });
    const values = loadManagerValues(input({ env: environment(options.env ?? {}) }));
    assert.equal(values.outcome, "valid");
    const kernel = machine.run(() => new HostKernel(systemClock));
    const client = clientOf(this.api.url);
    const namespace = "kube-system";
    const { lookup } = options;
    this.agent = machine.run(() =>
      new ManagerAgent({
        config,
        settings: values.values,
        kernel,
        link,
        client,
        namespace,
        bootId: "boot-1",
        clock: systemClock,
        routing: routingOf(config, { kernel, link, client, clock: systemClock }),
        build: { version: "1.2.3", commit: "abcdef" },
        elect: electionOf({ config, client, namespace, poller: kernel.poller }),
        ...(lookup === undefined ? {} : { lookup }),
      })
    );
  }

  /** Packet sockets are opened before the first await of the start, and so inside. */
  start(): Promise<void> {
    const { started } = this.cabled.machine.run(() => ({ started: this.agent.start() }));
    return started;
  }

  /** What the kernel has on its link and elsewhere, of the addresses that are managed here. */
  present(): string[] {
    const managed = new Set([V4, V6]);
    return this.cabled.routes.addresses().map(({ ip }) => ip).filter((ip) => managed.has(ip)).sort();
  }

  /** Asks again and again until the machine answers, or does not any more. Each question takes its time. */
  async until(what: "answers" | "is silent", ip: string, limitMs = LIMIT_MS): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (await this.cabled.answers(ip) !== (what === "answers")) {
      assert.ok(performance.now() < endMs, `${ip} ${what}: not within ${limitMs} ms`);
    }
  }

  /** The holder that the Lease names; null: there is no Lease. */
  holder(): string | null {
    const spec = this.api.store.get(leasePath())?.["spec"] as { holderIdentity?: string } | undefined;
    return spec === undefined ? null : spec.holderIdentity ?? "";
  }

  /** Writes the Lease behind everybody's back. */
  occupy(holder: string, durationSeconds: number): void {
    const now = new Date().toISOString().replace("Z", "000Z");
    const spec = {
      holderIdentity: holder,
      leaseDurationSeconds: durationSeconds,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 7,
    };
    this.api.store.create(leasePath(), { metadata: { name: "plndr-cp-lock", namespace: "kube-system" }, spec });
  }

  async close(): Promise<void> {
    await this.agent.stop();
    await this.api.stop();
    await this.cabled.close();
    await Deno.remove(this.stateDir, { recursive: true });
  }
}

export function leasePath(): NonNullable<ReturnType<typeof parsePath>> {
  const path = parsePath(LEASE);
  assert.ok(path);
  return path;
}

/** A write of the election's Lease in this name; an empty one releases it. */
export function writes(record: RequestRecord, holder: string): boolean {
  const isOfLease = record.path === LEASE || record.path === LEASE.replace(/\/[^/]*$/, "");
  if (!isOfLease || (record.verb !== "update" && record.verb !== "create")) return false;
  const { metadata, ...rest } = record.body as FakeObject;
  return metadata.name === "plndr-cp-lock" && (rest["spec"] as { holderIdentity?: string }).holderIdentity === holder;
}

/** A node that is stopped when `run` ends, however it ends. */
export async function withNode(options: NodeOptions, run: (node: ManagedNode) => Promise<void>): Promise<void> {
  const node = new ManagedNode(options);
  try {
    await run(node);
  } finally {
    await node.close();
  }
}
