/** The BGP settings of `start`: what each is set to in the file, by a flag and by a variable, and something it refuses. */

export interface StartRow {
  readonly file: unknown;
  readonly flag: string;
  readonly env: string;
  readonly bad: string;
  /** What else the file has to say. */
  readonly besides?: Record<string, unknown>;
}

/** Off, so that nothing but the setting itself is judged. */
const OFF = { enableBGP: false, bgp: { peers: [{ address: "10.0.0.1", as: 1 }] } };

function off(file: unknown, bad: string, [flag, env]: readonly [flag: string, env: string] = ["", ""]): StartRow {
  return { file, flag, env, bad, besides: OFF };
}

const PEER: Readonly<Record<string, StartRow>> = {
  "address": off("10.0.0.4", ""),
  "interface": off("eth1", ""),
  "as": off(65001, "4294967296"),
  "port": off(1179, "70000"),
  "password": off("hush", ""),
  "multiHop": off(true, "far"),
  "mpbgpNexthop": off("fixed", "auto"),
  "mpbgpIPv4": off("10.0.0.1", ""),
  "mpbgpIPv6": off("fd00::1", ""),
  "bfdEnabled": off(true, "2"),
  "bfdReceiveInterval": off(50, "fast"),
  "bfdTransmitInterval": off(50, "-1"),
  "bfdDetectMultiplier": off(5, "256"),
  "passive": off(true, "2"),
  "ttlSecurity": off(2, "255"),
  "multihopTTL": off(9, "0"),
  "communities": off(["65000:1", "no-export"], "65000"),
  "largeCommunities": off("1:2:3", "1:2"),
  "localPref": off(0, "-1"),
  "med": off(5, "x"),
  "prepend": off(3, "33"),
  "passwordFile": off("/a", "a"),
  "sourceIP": off("10.0.0.3", "x"),
  "sourceIF": off("eth2", "a b"),
};

const SPEAKER: Readonly<Record<string, StartRow>> = {
  "routerID": off("10.0.0.1", "fd00::1", ["10.0.0.2", "10.0.0.3"]),
  "routerInterface": off("eth1", "a b", ["", "eth2"]),
  "as": off(1, "-1", ["2", "3"]),
  "sourceIF": off("a", "a b", ["b", "c"]),
  "sourceIP": off("10.0.0.1", "x", ["10.0.0.2", "fd00::3"]),
  "holdTime": off(3, "-1", ["9", "30"]),
  "keepaliveInterval": off(1, "-1", ["2", "3"]),
  "mpbgpNexthop": off("fixed", "auto", ["", "auto_sourceif"]),
  "mpbgpIPv4": off("10.0.0.1", "", ["", "10.0.0.2"]),
  "mpbgpIPv6": off("fd00::1", "", ["", "fd00::2"]),
  "listenPort": off(179, "70000", ["1179", "1180"]),
  "gracefulRestart": off(0, "4096", ["1", "2"]),
  "communities": off("1:1", "1", ["2:2", "no-export,3:3"]),
  "largeCommunities": off("1:1:1", "1:1", ["2:2:2", "3:3:3,4:4:4"]),
  "localPref": off(0, "-1", ["1", "2"]),
  "med": off(0, "-1", ["1", "2"]),
  "prepend": off(1, "33", ["2", "3"]),
  "ttlSecurity": off(1, "255", ["2", "3"]),
  "passive": off(true, "2", ["true", "t"]),
  "passwordFile": off("/a", "a", ["/b", "/c"]),
  "zebra.enabled": off(true, "2", ["true", "t"]),
  "zebra.url": off("a", "", ["b", "c"]),
  "zebra.version": off(4, "x", ["5", "7"]),
  "zebra.softwareName": off("a", "", ["b", "c"]),
};

const SINGLE: Readonly<Record<string, StartRow>> = {
  "address": off("10.0.0.1", "", ["10.0.0.2", "router"]),
  "as": off(1, "-1", ["2", "3"]),
  "password": off("a", "x".repeat(81), ["b", "c"]),
  "multiHop": off(true, "2", ["true", "t"]),
};

function below(prefix: string, rows: Readonly<Record<string, StartRow>>): Record<string, StartRow> {
  return Object.fromEntries(Object.entries(rows).map(([key, row]) => [`${prefix}${key}`, row]));
}

/** By path. */
export const BGP_ROWS: Readonly<Record<string, StartRow>> = {
  "enableBGP": { file: false, flag: "false", env: "f", bad: "2" },
  ...below("bgp.", SPEAKER),
  ...below("bgp.peers[].", PEER),
  ...below("bgpPeerConfig.", SINGLE),
};

/** Groups that may also be one text. */
export const BGP_GROUPS: Readonly<Record<string, StartRow>> = {
  "bgp.peers": { file: [], flag: "10.0.0.5:1", env: "10.0.0.6:1,10.0.0.7:2", bad: ",", besides: OFF },
};
