/**
 * The BGP speaker as a process of its own, for a machine of the laboratory. Standard input: the settings, then orders, a JSON value a
 * line (`speaker_protocol.ts`); standard output: answers; standard error: the log. At the end of its input it ends without a word to its
 * peers; `close` leaves in order.
 */

import type { HostAddress } from "../../mod/bgp/next_hop.ts";
import { LinkDiscovery } from "../../mod/bgp/link_peers.ts";
import { KernelLinkPort } from "../../mod/bgp/link_port.ts";
import { BgpSpeaker } from "../../mod/bgp/speaker.ts";
import { TcpTransport } from "../../mod/bgp/tcp_transport.ts";
import { PathMonitor } from "../../mod/bfd/monitor.ts";
import { UdpBfdNetwork } from "../../mod/bfd/network.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { raisePriority } from "../../mod/linux/priority.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { configureLogging } from "../../mod/observe/logging.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { type Answer, type Order, spoken, type SpokenConfig, type SpokenMemory } from "./speaker_protocol.ts";

const OWNER = "test";

function fail(error: unknown): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${error instanceof Error ? error.stack : error}\n`));
}

function addresses(routes: RouteSocket): HostAddress[] {
  const names = new Map(routes.links().map((link) => [link.index, link.name]));
  return routes.addresses().map(({ ip, prefixLength, linkIndex }) => ({
    ip,
    prefixLength,
    linkName: names.get(linkIndex) ?? "",
    isLinkLocal: ip.startsWith("fe80:"),
  }));
}

function memory(): SpokenMemory {
  // With --expose-gc.
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect === "function") collect();
  const { rss, heapUsed } = Deno.memoryUsage();
  return { rssBytes: rss, heapBytes: heapUsed, descriptors: [...Deno.readDirSync("/proc/self/fd")].length };
}

async function obey(speaker: BgpSpeaker, order: Order): Promise<Partial<Answer>> {
  switch (order.do) {
    case "announce":
      for (const ip of order.ips) speaker.announce(ip, OWNER, order.term ?? undefined);
      return {};
    case "withdraw":
      for (const ip of order.ips) speaker.withdraw(ip, OWNER);
      return {};
    case "drain":
      for (const ip of order.ips) speaker.drain(ip);
      return {};
    case "ready":
      speaker.ready();
      return {};
    case "report":
      return { reports: speaker.reports() };
    case "memory":
      return { memory: memory() };
    case "reconfigure":
      speaker.reconfigure(spoken(order.config));
      return {};
    case "close":
      await speaker.close();
      return {};
  }
}

async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + text).split("\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
}

function start(config: SpokenConfig): BgpSpeaker {
  const poller = new Poller(fail);
  const routes = new RouteSocket();
  const shared = { clock: systemClock, random: Math.random };
  const linkPeers = new LinkDiscovery({ clock: systemClock, open: (events) => new KernelLinkPort(poller, events) });
  linkPeers.setInterfaces(
    config.peers.flatMap(({ address }) => address.is === "unnumbered" ? [address.interface] : []),
  );
  return new BgpSpeaker({
    ...shared,
    config: spoken(config),
    transport: new TcpTransport({ poller, clock: systemClock }),
    bfdMonitor: () =>
      new PathMonitor({ ...shared, network: new UdpBfdNetwork({ poller, random: Math.random, onError: fail }) }),
    addresses: () => addresses(routes),
    lookup: (host) => Promise.resolve([host]),
    linkPeers,
  });
}

async function main(): Promise<void> {
  // As the program itself does.
  raisePriority();
  configureLogging({ level: "debug", format: "text" });
  let speaker: BgpSpeaker | null = null;
  let answer = 0;
  for await (const line of lines()) {
    if (speaker === null) {
      speaker = start(JSON.parse(line));
      await speaker.start();
    }
    const done = answer === 0 ? {} : await obey(speaker, JSON.parse(line));
    const said: Answer = { ...done, answer, atMs: performance.now() };
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(said)}\n`));
    answer += 1;
  }
  Deno.exit(0);
}

if (import.meta.main) await main();
