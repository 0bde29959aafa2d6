/** Two backends and the service that leads to them. */
import assert from "node:assert/strict";
import type { Ip } from "../../../mod/net/ip.ts";
import { BACKENDS, type BalanceNetwork, VIP } from "./network.ts";
import { Protocol, type Service, type Target } from "./rules.ts";
import { TcpBackend, UdpBackend } from "./traffic.ts";

/** Of the services. */
export const PORT = 8080;

function ipOf(number: number, family: 4 | 6): Ip {
  return (BACKENDS[number] ?? assert.fail())[family];
}

/** Two backends of TCP for as long as `body` runs. */
export async function withTcp(
  { backends }: BalanceNetwork,
  family: 4 | 6,
  body: (targets: readonly [Target, Target], servers: readonly TcpBackend[]) => Promise<void>,
): Promise<void> {
  const servers = backends.map((namespace, number) => new TcpBackend(namespace, ipOf(number, family), number));
  const target = (number: number): Target => ({ ip: ipOf(number, family), port: servers[number]?.port ?? 0 });
  try {
    await body([target(0), target(1)], servers);
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

/** A service of TCP at the VIP. */
export function tcp(family: 4 | 6, by: Service["by"], slots: readonly Target[]): Service {
  return { vip: VIP[family], protocol: Protocol.tcp, port: PORT, by, slots };
}

/** Two backends of UDP for as long as `body` runs. */
export async function withUdp(
  { backends }: BalanceNetwork,
  family: 4 | 6,
  body: (targets: readonly [Target, Target], servers: readonly UdpBackend[]) => void | Promise<void>,
): Promise<void> {
  const servers = backends.map((namespace, number) => new UdpBackend(namespace, ipOf(number, family), number));
  const target = (number: number): Target => ({ ip: ipOf(number, family), port: servers[number]?.socket.port ?? 0 });
  try {
    await body([target(0), target(1)], servers);
  } finally {
    for (const { socket } of servers) socket.close();
  }
}
