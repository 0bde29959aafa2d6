import { createSocket } from "node:dgram";
import { Poller } from "../../../mod/linux/poller.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { UdpTransport } from "../../../mod/election/raft/udp_transport.ts";
import type { Endpoint } from "../../../mod/election/raft/udp_transport.ts";
import type { Transport } from "../../../mod/election/raft/transport.ts";
import { transportContract } from "../../contracts/transport.ts";
import type { Net } from "../../contracts/transport.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { FAIR, MemoryNetwork } from "../../fakes/memory_network.ts";
import type { Weather } from "../../fakes/memory_network.ts";
import { seededRandom } from "../../fakes/random.ts";

const IDS = ["a", "b", "c"];

function memoryNet(weather: Weather): Promise<Net> {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, seededRandom(4), { weather });
  return Promise.resolve({
    join: (id) => network.join(id),
    settle: () => Promise.resolve(clock.advance(50)),
    dispose: () => Promise.resolve(),
  });
}

transportContract("memory", () => memoryNet(FAIR));
transportContract(
  "bad weather in memory",
  () => memoryNet({ loss: 0.3, duplication: 0.3, minDelayMs: 1, maxDelayMs: 40 }),
);

transportContract("UDP over IPv4", () => udpNet("127.0.0.1", "s3cret"));
transportContract("UDP over IPv6", () => udpNet("::1", "s3cret"));
transportContract("UDP without a secret", () => udpNet("127.0.0.1", null));

async function udpNet(address: string, secret: string | null): Promise<Net> {
  const endpoints: Endpoint[] = [];
  for (const id of IDS) endpoints.push({ id, address, port: await freePort(address) });
  const joined: Transport[] = [];
  const poller = new Poller((error) => {
    throw error;
  });
  return {
    join: (id) => {
      const local = endpoints.find((each) => each.id === id) ?? { id, address, port: 0 };
      const peers = endpoints.filter((each) => each.id !== id);
      const transport = new UdpTransport({ local, peers, secret, clusterId: "test", clock: systemClock, poller });
      joined.push(transport);
      return transport;
    },
    // A datagram over the loopback has arrived once the event loop has turned; a lost one never says so.
    settle: () => new Promise((resolve) => setTimeout(resolve, 2)),
    dispose: async () => {
      for (const transport of joined) await transport.stop();
      await poller.close();
    },
  };
}

function freePort(address: string): Promise<number> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, address, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
