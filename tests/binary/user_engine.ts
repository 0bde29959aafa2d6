/** A small program that, compiled like the product, balances one connection with a thread of the engine `user`. */
import { UserBalancer } from "../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../mod/runtime/clock.ts";

/** Gives what the backend says through the balancer. */
async function relayed(): Promise<string> {
  const backend = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const threads = new UserThreads(systemClock);
  const resetter = { reset: (): number => 0, resetOne: (): void => {} };
  const balancer = new UserBalancer({
    name: "probe",
    type: "tcp",
    port: 0,
    bindToVip: true,
    engine: "user",
    policy: "round-robin",
    connectTimeoutMs: 1000,
    idleTimeoutMs: 5000,
    maxConnections: 10,
    drainMs: 0,
    health: null,
    ejection: null,
    threads: 1,
    tls: null,
    acceptProxyProtocol: false,
    backends: [{ address: "127.0.0.1", port: backend.addr.port, weight: 1 }],
    affinity: "none",
    preserveClientAddress: false,
    sendProxyProtocol: null,
    listenOnly: [],
  }, { clock: systemClock, random: Math.random, resetter, threads });
  await balancer.start();
  balancer.bind("127.0.0.1");
  const [listening = ""] = balancer.status().listening;
  const client = await Deno.connect({ hostname: "127.0.0.1", port: Number(listening.split(":")[1]) });
  const served = await backend.accept();
  await served.write(new TextEncoder().encode("through a thread"));
  const buffer = new Uint8Array(64);
  const count = await client.read(buffer) ?? 0;
  for (const one of [client, served, backend]) one.close();
  await balancer.stop();
  return new TextDecoder().decode(buffer.subarray(0, count));
}

if (import.meta.main) Deno.stdout.writeSync(new TextEncoder().encode(await relayed()));
