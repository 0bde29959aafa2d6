/** Settings of the election: which kind, the Lease, etcd, and the peers. */

import { bool, int, listOf, scalar, text } from "../kinds.ts";
import { INVALID, type Kind } from "../setting.ts";
import { SHARED } from "../settings.ts";
import { annotationMap, etcdEndpoint, type GivenLease, type GivenMap, group, leaseName, managed } from "./kinds.ts";

export type ElectionType = "kubernetes" | "etcd" | "peers";

const TYPES: readonly ElectionType[] = ["kubernetes", "etcd", "peers"];

const electionType: Kind<ElectionType> = scalar("kubernetes, etcd or peers", (given, place) => {
  const type = TYPES.find((one) => one === given.trim().toLowerCase());
  if (type !== undefined) return type;
  place.problem(`invalid LeaderElectionMode ${given} not supported; must be kubernetes, etcd or peers`, given);
  return INVALID;
});

const seconds = int(1, 86_400, "a number of seconds");

const ETCD = {
  caPath: managed({
    key: "caFile",
    aliases: ["caCert"],
    env: ["etcd_ca_cert"],
    flag: "etcdCACert",
    kind: text,
    fallback: "",
    help: "PEM file of the authority that signs etcd's certificates",
  }),
  certPath: managed({
    key: "clientCertFile",
    aliases: ["cert"],
    env: ["etcd_cert"],
    flag: "etcdCert",
    kind: text,
    fallback: "",
    help: "PEM file of the certificate shown to etcd",
  }),
  keyPath: managed({
    key: "clientKeyFile",
    aliases: ["key"],
    env: ["etcd_key"],
    flag: "etcdKey",
    kind: text,
    fallback: "",
    help: "PEM file of the key of that certificate",
  }),
  endpoints: managed<readonly string[]>({
    key: "endpoints",
    env: ["etcd_endpoints"],
    flag: "etcdEndpoints",
    repeats: true,
    kind: listOf(etcdEndpoint, 16),
    fallback: [],
    help: "Servers of etcd: host:port or URLs, with commas",
  }),
};

export const ELECTION = {
  enabled: managed({
    key: "enableLeaderElection",
    env: ["vip_leaderelection"],
    flag: "leaderElection",
    kind: bool,
    fallback: false,
    help: "Elect a holder; ARP mode always does",
  }),
  type: managed<ElectionType>({
    key: "leaderElectionType",
    env: ["vip_leaderelectiontype"],
    flag: "leaderElectionType",
    kind: electionType,
    fallback: "kubernetes",
    help: "Who decides which node holds: a Lease of the API server, etcd, or the peers among themselves",
  }),
  leaseName: managed<GivenLease>({
    key: "leaseName",
    env: ["vip_leasename"],
    flag: "leaseName",
    kind: leaseName,
    fallback: { namespace: null, name: "plndr-cp-lock", shown: "plndr-cp-lock" },
    help: "Lease of the control plane, as name or namespace/name",
  }),
  duration: managed({
    key: "leaseDuration",
    env: ["vip_leaseduration"],
    flag: "leaseDuration",
    kind: seconds,
    fallback: 15,
    help: "A Lease that is not renewed is anybody's after so many seconds",
  }),
  renewDeadline: managed({
    key: "renewDeadline",
    env: ["vip_renewdeadline"],
    flag: "leaseRenewDuration",
    kind: seconds,
    fallback: 10,
    help: "A holder that could not renew gives up after so many seconds; less than the lease's duration",
  }),
  retryPeriod: managed({
    key: "retryPeriod",
    env: ["vip_retryperiod"],
    flag: "leaseRetry",
    kind: seconds,
    fallback: 2,
    help: "Seconds between attempts; 1.2 of them are less than the renew deadline",
  }),
  annotations: managed<GivenMap>({
    key: "leaseAnnotations",
    env: ["vip_leaseannotations"],
    kind: annotationMap,
    fallback: { entries: {}, shown: "" },
    help: "Annotations of the Lease, as a JSON object",
  }),
};

/** Read with {@link ETCD_GROUP}. */
export { ETCD };

export const ETCD_GROUP = managed<null>({
  key: "etcd",
  kind: group,
  fallback: null,
  fields: Object.values(ETCD),
  help: "How etcd is reached, with --leaderElectionType=etcd",
});

/** The same settings as those of `start`. */
export const PEERS = SHARED;
