/** Who a member of an election of peers is, when one manifest is for all of them. */

import type { EnvVar } from "./secrets.ts";
import { electionType, textOf, type Values } from "./values.ts";

/** Holds the node's address for {@link LOCAL_PEER}; no setting of the program. */
const NODE_ADDRESS = "vip_nodeaddress";
const LOCAL_PEER = "vip_localpeer";

/**
 * Variables that make this node's member of its name and address, which the kubelet knows: every Pod of a DaemonSet has the same
 * text. The members' ids in `vip_peers` are then the names of the nodes. None if the member is named, or the ports differ.
 */
export function localPeerVariables(values: Values): readonly EnvVar[] {
  const port = commonPort(values);
  if (electionType(values) !== "peers" || textOf(values, LOCAL_PEER) !== "" || port === null) return [];
  return [
    { name: NODE_ADDRESS, valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
    // The kubelet puts in the variables above.
    { name: LOCAL_PEER, value: `$(vip_nodename):$(${NODE_ADDRESS}):${port}` },
  ];
}

/** What is wrong with the member, if anything. `everywhere`: the manifest is for all nodes. */
export function localPeerWarnings(values: Values, everywhere: boolean): readonly string[] {
  if (electionType(values) !== "peers") return [];
  const given = textOf(values, LOCAL_PEER) !== "";
  if (given && everywhere) {
    return [`${LOCAL_PEER}: is the same in every Pod; leave it out, and name the members after their nodes`];
  }
  return given || commonPort(values) !== null
    ? []
    : [`${LOCAL_PEER}: is missing, and does not follow from vip_peers unless all its members have one port`];
}

/** The port that all members have; null if there is none. */
function commonPort(values: Values): string | null {
  const ports = new Set(textOf(values, "vip_peers").split(",").map((peer) => peer.slice(peer.lastIndexOf(":") + 1)));
  const [port = ""] = ports;
  return ports.size === 1 && /^\d+$/.test(port) ? port : null;
}
