/**
 * One elector by etcd in a process of its own: `etcd_node.ts '{"identity":…}'`. Writes a line for everything its sink is told, with the
 * shared time; reads `fit` and `unfit` from its standard input; stops in order on SIGTERM.
 */
import { EtcdElector } from "../../mod/election/etcd/elector.ts";
import { EtcdGateway, type EtcdTlsFiles } from "../../mod/election/etcd/gateway.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { sharedNow } from "./time.ts";

/** What a node is started with. */
export interface EtcdNodeOptions {
  readonly identity: string;
  readonly bootId: string;
  readonly prefix: string;
  readonly endpoints: readonly string[];
  readonly tls: EtcdTlsFiles;
  readonly ttlMs: number;
  readonly retryMs: number;
}

/** What a node writes, one JSON text a line. */
export type EtcdNodeLine =
  | { readonly is: "granted"; readonly atMs: number; readonly untilMs: number; readonly epoch: number }
  | { readonly is: "revoked"; readonly atMs: number; readonly reason: string }
  | { readonly is: "leader"; readonly atMs: number; readonly name: string | null }
  | { readonly is: "trouble"; readonly atMs: number; readonly trouble: string };

function say(line: EtcdNodeLine): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

async function main(options: EtcdNodeOptions): Promise<void> {
  const { endpoints, tls, ...rest } = options;
  let fit = true;
  const elector = new EtcdElector({
    ...rest,
    addresses: () => ["10.0.0.1"],
    gateway: new EtcdGateway({ endpoints, tls, clock: systemClock }),
    clock: systemClock,
    random: Math.random,
    sink: {
      granted: ([grant]) => {
        const [atMs, validUntil] = [sharedNow(), grant?.validUntil ?? 0];
        say({ is: "granted", atMs, untilMs: performance.timeOrigin + validUntil, epoch: grant?.epoch ?? 0 });
      },
      revoked: (_, reason) => say({ is: "revoked", atMs: sharedNow(), reason }),
    },
    fit: () => fit,
    graceMs: () => 0,
    preserveOnLoss: false,
    onLeader: (name) => say({ is: "leader", atMs: sharedNow(), name }),
  });
  Deno.addSignalListener("SIGTERM", () => void elector.stop().finally(() => Deno.exit(0)));
  await elector.start();
  let told: string | null = null;
  setInterval(() => {
    const { trouble } = elector.observe();
    if (trouble !== null && trouble !== told) say({ is: "trouble", atMs: sharedNow(), trouble });
    told = trouble;
  }, 100);
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) fit = text.trim() === "fit";
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? "{}"));
