/** What has to hold for each kind of election. */

import type { Findings } from "../findings.ts";
import { othersOf, resolveSecret } from "../membership.ts";
import { deriveClusterId, type GivenPeer, toPeer } from "../peers.ts";
import { checkOwner } from "../vips.ts";
import type { Readings } from "./readings.ts";
import { MANAGER } from "./settings.ts";
import type { ElectionSettings } from "./types.ts";

interface ElectionOptions {
  readonly findings: Findings;
  /** Reads the file of the peers' secret; throws if that fails. */
  readonly readText: (path: string) => string;
}

/** The election; null after noting why there can be none. */
export function readElection(readings: Readings, options: ElectionOptions): ElectionSettings | null {
  const type = readings.value(MANAGER.election.type);
  switch (type) {
    case "kubernetes":
      return { type };
    case "etcd":
      return readEtcd(readings);
    case "peers":
      return readPeers(readings, options);
  }
}

function readEtcd(readings: Readings): ElectionSettings {
  const endpoints = readings.get(MANAGER.etcd.endpoints);
  const ca = readings.value(MANAGER.etcd.caPath);
  const cert = readings.get(MANAGER.etcd.certPath);
  const key = readings.get(MANAGER.etcd.keyPath);
  if (endpoints.origin === "default") {
    endpoints.place.problem("is missing: give the servers of etcd, for example https://127.0.0.1:2379");
  }
  if (cert.value !== "" && key.value === "") key.place.problem("is missing: etcd_cert is given without its key");
  if (key.value !== "" && cert.value === "") {
    cert.place.problem("is missing: etcd_key is given without its certificate");
  }
  if (readings.value(MANAGER.services.enabled)) {
    const { place } = readings.get(MANAGER.services.enabled);
    place.problem("cannot be used with leaderElectionType etcd, which elects for the control plane only", "true");
  }
  const labels = readings.get(MANAGER.node.nodeLabeling);
  if (labels.value) labels.place.warning("has no effect with leaderElectionType etcd: no API server is asked", "true");
  const secure = [ca, cert.value, key.value].some((path) => path !== "");
  return {
    type: "etcd",
    endpoints: endpoints.value.map((one) => one.includes("://") ? one : `${secure ? "https" : "http"}://${one}`),
    caPath: orNull(ca),
    certPath: orNull(cert.value),
    keyPath: orNull(key.value),
  };
}

function orNull(path: string): string | null {
  return path === "" ? null : path;
}

function readPeers(readings: Readings, { findings, readText }: ElectionOptions): ElectionSettings | null {
  const local = readings.get(MANAGER.peers.localPeer);
  if (local.origin === "default") local.place.problem("is missing: name this member, id:address:port");
  const advice = "list the others in vip_peers";
  const remotes = othersOf(local.value, readings.get(MANAGER.peers.remotePeers), { findings, advice });
  const secret = resolveSecret(readings.get(MANAGER.peers.peerSecret), readings.get(MANAGER.peers.peerSecretFile), {
    readText,
    alone: remotes.length === 0,
  });
  checkAddresses(readings, local.value === null ? remotes : [local.value, ...remotes]);
  if (local.value === null) return null;
  const localPeer = toPeer(local.value);
  const remotePeers = remotes.map(toPeer);
  const clusterId = readings.value(MANAGER.peers.clusterId);
  const { beatMs, leaseMs, electionMinMs, electionMaxMs } = readings.value(MANAGER.peers.timing);
  return {
    type: "peers",
    localPeer,
    remotePeers,
    peerSecret: secret,
    clusterId: clusterId === "" ? deriveClusterId([localPeer, ...remotePeers]) : clusterId,
    timing: { beatMs, leaseMs, electionMinMs, electionMaxMs },
  };
}

/** A virtual address that is also a member's would be taken from that machine. */
function checkAddresses(readings: Readings, members: readonly GivenPeer[]): void {
  for (const setting of [MANAGER.address.address, MANAGER.address.vip]) {
    for (const { ip, shown, place } of readings.value(setting)) {
      if (ip !== null) checkOwner({ ip, shown, place }, members);
    }
  }
}
