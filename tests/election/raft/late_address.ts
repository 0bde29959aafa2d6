/** Runs in a network namespace of its own: a transport whose address appears after it has started. */
import { UdpTransport } from "../../../mod/election/raft/udp_transport.ts";
import { Poller } from "../../../mod/linux/poller.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";

async function ip(command: string): Promise<void> {
  await new Deno.Command("ip", { args: command.split(" ") }).output();
}

// In a namespace that never had an address the kernel lets any be bound.
await ip("link set lo up");
const local = { id: "a", address: "10.99.0.1", port: 10_000 };
const poller = new Poller((error) => {
  throw error;
});
const transport = new UdpTransport({ local, peers: [], secret: null, clusterId: "test", clock: systemClock, poller });
await transport.start();
const before = transport.port === null ? "waiting" : "bound too early";
await ip(`address add ${local.address}/32 dev lo`);
const giveUp = performance.now() + 5000;
while (transport.port === null && performance.now() < giveUp) await new Promise((resolve) => setTimeout(resolve, 20));
await Deno.stdout.write(new TextEncoder().encode(`${before}, ${transport.port === null ? "never bound" : "bound"}\n`));
await transport.stop();
await poller.close();
