/** Settings of old files that have no effect here, or that belong to features which this command does not have. */

import { anything } from "./kinds.ts";
import { type Setting, setting, type SettingDraft, type Standing } from "./setting.ts";

type Names = Partial<Pick<SettingDraft<null>, "aliases" | "env" | "flag" | "secret" | "switch">>;

const LEASES = "leader election by Kubernetes lease (the manager command)";
const PACKET = "Equinix Metal (Packet) support";

function dead(key: string, standing: Standing, names: Names & { help: string }): Setting<unknown> {
  return setting<null>({ key, kind: anything, fallback: null, fallbackText: "", standing, ...names });
}

/** Refused when switched on. */
function later(key: string, feature: string, names: Names = {}): Setting<unknown> {
  return dead(key, { is: "later", feature }, { switch: true, ...names, help: `Belongs to ${feature}` });
}

/** Accepted with a warning. */
function unused(
  key: string,
  why: string,
  { harmless = [], ...names }: Names & { harmless?: readonly string[] } = {},
): Setting<unknown> {
  return dead(key, { is: "unused", why, harmless }, { ...names, help: `No effect: ${why}` });
}

/** Read last, only to say so. */
export const DEAD: readonly Setting<unknown>[] = [
  later("ddns", "VIPs by DNS name", { env: ["vip_ddns"], flag: "ddns" }),
  unused("vipCidr", "write the prefix behind the VIP (192.168.0.75/24)", {
    env: ["vip_cidr"],
    flag: "cidr",
    harmless: ["32", "128"],
  }),
  later("enableLeaderElection", LEASES, { env: ["vip_leaderelection"], flag: "leaderElection" }),
  unused("leaseDuration", `it describes ${LEASES}`, { env: ["vip_leaseduration"], flag: "leaseDuration" }),
  unused("renewDeadline", `it describes ${LEASES}`, { env: ["vip_renewdeadline"], flag: "leaseRenewDuration" }),
  unused("retryPeriod", `it describes ${LEASES}`, { env: ["vip_retryperiod"], flag: "leaseRetry" }),
  unused("kubeConfig", `it describes ${LEASES}`, { flag: "kubeConfig" }),
  unused("inCluster", `it describes ${LEASES}`, { flag: "inCluster", switch: true }),
  unused("namespace", `it describes ${LEASES}`, { flag: "namespace" }),
  unused("servicesInterface", "there are no Services without Kubernetes", { env: ["vip_servicesinterface"] }),
  unused("port", "it describes the API server of the manager command; a balancer has its own loadBalancers[].port"),
  unused("enableLoadBalancer", "the listed loadBalancers run in any case", {
    env: ["lb_enable"],
    flag: "enableLoadBalancer",
    switch: true,
  }),
  later("enablePacket", PACKET, { aliases: ["enableMetal"], env: ["vip_packet"], flag: "packet" }),
  unused("packetAPIKey", `it describes ${PACKET}`, { aliases: ["metalAPIKey"], flag: "packetKey", secret: true }),
  unused("packetProject", `it describes ${PACKET}`, {
    aliases: ["metalProject"],
    env: ["vip_packetproject"],
    flag: "packetProject",
  }),
  unused("metalProjectID", `it describes ${PACKET}`, { aliases: ["packetProjectID"] }),
  unused("providerConfig", `it describes ${PACKET}`, { env: ["provider_config"], flag: "provider-config" }),
];
