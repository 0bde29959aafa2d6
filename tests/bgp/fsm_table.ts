import type { FsmEvent } from "../../mod/bgp/fsm_types.ts";

/** Outcomes in Idle, Connect, Active, OpenSent, OpenConfirm, Established: the next state, and what is done. */
export type Outcomes = readonly [string, string, string, string, string, string];

export interface Row {
  /** Number in RFC 4271 §8.1; 29 is that of RFC 9687; null: it has none. */
  readonly number: number | null;
  readonly event: FsmEvent;
  readonly spec: string;
  readonly outcomes: Outcomes;
}

const data = new Uint8Array();
const cease = { code: 6, subcode: 2, data };

const STAYS: Outcomes = ["idle", "connect", "active", "open-sent", "open-confirm", "established"];

/** Only Idle looks at a start. */
function startsAs(inIdle: string): Outcomes {
  return [inIdle, ...STAYS.slice(1)] as unknown as Outcomes;
}

/** Where there is no BGP connection nobody is told; elsewhere the NOTIFICATION says it. */
function endsWith(sent: string, confirm = sent, established = confirm): Outcomes {
  const told = (notice: string): string => `idle: notify ${notice}, close`;
  return ["idle", "idle: abort", "idle: abort", told(sent), told(confirm), told(established)];
}

/** All states × all events of RFC 4271 §8.1, and one event each of RFC 2918 and RFC 9687. */
export const ROWS: readonly Row[] = [
  {
    number: 1,
    event: { is: "ManualStart" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("connect: connect"),
  },
  { number: 2, event: { is: "ManualStop", cease }, spec: "§8.1.2, §8.2.2", outcomes: endsWith("6/2") },
  {
    number: 3,
    event: { is: "AutomaticStart" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("connect: connect"),
  },
  {
    number: 4,
    event: { is: "ManualStart_with_PassiveTcpEstablishment" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("active"),
  },
  {
    number: 5,
    event: { is: "AutomaticStart_with_PassiveTcpEstablishment" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("active"),
  },
  {
    number: 6,
    event: { is: "AutomaticStart_with_DampPeerOscillations" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("connect: connect"),
  },
  {
    number: 7,
    event: { is: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment" },
    spec: "§8.1.2, §8.2.2 Idle",
    outcomes: startsAs("active"),
  },
  { number: 8, event: { is: "AutomaticStop", cease }, spec: "§8.1.2, §8.2.2", outcomes: endsWith("6/2") },
  {
    number: 9,
    event: { is: "ConnectRetryTimer_Expires" },
    spec: "§8.1.3, §8.2.2; elsewhere it does not run",
    outcomes: [
      "idle",
      "connect: abort, connect",
      "connect: connect",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
    ],
  },
  { number: 10, event: { is: "HoldTimer_Expires" }, spec: "§6.5, §8.2.2", outcomes: endsWith("4/0") },
  {
    number: 11,
    event: { is: "KeepaliveTimer_Expires" },
    spec: "§8.1.3, §8.2.2",
    outcomes: [
      "idle",
      "idle: abort",
      "idle: abort",
      "idle: notify 5/0, close",
      "open-confirm: keepalive",
      "established: keepalive",
    ],
  },
  {
    number: 12,
    event: { is: "DelayOpenTimer_Expires" },
    spec: "§8.1.1: the option is off, the timer never runs",
    outcomes: [
      "idle",
      "connect",
      "active",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
    ],
  },
  {
    number: 13,
    event: { is: "IdleHoldTimer_Expires" },
    spec: "§8.1.3, §8.2.2",
    outcomes: [
      "connect: connect",
      "idle: abort",
      "idle: abort",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
      "idle: notify 5/0, close",
    ],
  },
  { number: 14, event: { is: "TcpConnection_Valid" }, spec: "§8.1.4, §8.2.2", outcomes: STAYS },
  { number: 15, event: { is: "Tcp_CR_Invalid" }, spec: "§8.1.4, §8.2.2", outcomes: STAYS },
  {
    number: 16,
    event: { is: "Tcp_CR_Acked" },
    spec: "§8.1.4, §8.2.2; §6.8: a second connection has a machine of its own",
    outcomes: ["idle: abort", "open-sent: open", "open-sent: open", "open-sent", "open-confirm", "established"],
  },
  {
    number: 17,
    event: { is: "TcpConnectionConfirmed" },
    spec: "§8.1.4, §8.2.2; §6.8: a second connection has a machine of its own",
    outcomes: ["idle: abort", "open-sent: open", "open-sent: open", "open-sent", "open-confirm", "established"],
  },
  {
    number: 18,
    event: { is: "TcpConnectionFails" },
    spec: "§8.1.4, §8.2.2",
    outcomes: ["idle", "idle: abort", "idle: abort", "active: abort", "idle: abort", "idle: abort"],
  },
  {
    number: 19,
    event: { is: "BGPOpen", holdTimeMs: 9000, keepaliveMs: 3000 },
    spec: "§8.1.5, §8.2.2; RFC 6608 §3 for a second one",
    outcomes: [
      "idle",
      "idle: abort",
      "idle: abort",
      "open-confirm: keepalive",
      "idle: notify 5/2, close",
      "idle: notify 5/3, close",
    ],
  },
  {
    number: 20,
    event: { is: "BGPOpen with DelayOpenTimer running" },
    spec: "§8.1.1: the option is off; RFC 6608 §3",
    outcomes: endsWith("5/1", "5/2", "5/3"),
  },
  {
    number: 21,
    event: { is: "BGPHeaderErr", error: { code: 1, subcode: 2, data } },
    spec: "§6.1, §8.2.2",
    outcomes: endsWith("1/2"),
  },
  {
    number: 22,
    event: { is: "BGPOpenMsgErr", error: { code: 2, subcode: 2, data } },
    spec: "§6.2, §8.2.2; RFC 6608 §3: in Established no OPEN is expected",
    outcomes: endsWith("2/2", "2/2", "5/3"),
  },
  {
    number: 23,
    event: { is: "OpenCollisionDump" },
    spec: "§6.8, §8.2.2; RFC 4486 §4",
    outcomes: endsWith("6/7"),
  },
  {
    number: 24,
    event: { is: "NotifMsgVerErr" },
    spec: "§6.4, §8.2.2: a NOTIFICATION is not answered",
    outcomes: ["idle", "idle: abort", "idle: abort", "idle: close", "idle: close", "idle: close"],
  },
  {
    number: 25,
    event: { is: "NotifMsg" },
    spec: "§6.4, §8.2.2: a NOTIFICATION is not answered",
    outcomes: ["idle", "idle: abort", "idle: abort", "idle: close", "idle: close", "idle: close"],
  },
  {
    number: 26,
    event: { is: "KeepAliveMsg" },
    spec: "§8.2.2; RFC 6608 §3",
    outcomes: [
      "idle",
      "idle: abort",
      "idle: abort",
      "idle: notify 5/1, close",
      "established: establish",
      "established",
    ],
  },
  {
    number: 27,
    event: { is: "UpdateMsg" },
    spec: "§8.2.2; RFC 6608 §3",
    outcomes: [
      "idle",
      "idle: abort",
      "idle: abort",
      "idle: notify 5/1, close",
      "idle: notify 5/2, close",
      "established: deliver",
    ],
  },
  {
    number: 28,
    event: { is: "UpdateMsgErr", error: { code: 3, subcode: 1, data } },
    spec: "§6.3, §8.2.2; RFC 6608 §3",
    outcomes: endsWith("5/1", "5/2", "3/1"),
  },
  {
    number: 29,
    event: { is: "SendHoldTimer_Expires" },
    spec: "RFC 9687 §4: nothing can be sent to one who takes nothing",
    outcomes: ["idle", "idle: abort", "idle: abort", "idle: abort", "idle: abort", "idle: abort"],
  },
  {
    number: null,
    event: { is: "RouteRefreshMsg" },
    spec: "RFC 2918 §4; RFC 6608 §3",
    outcomes: [
      "idle",
      "idle: abort",
      "idle: abort",
      "idle: notify 5/1, close",
      "idle: notify 5/2, close",
      "established: deliver",
    ],
  },
  {
    number: null,
    event: { is: "RouteRefreshMsgErr", error: { code: 7, subcode: 1, data } },
    spec: "RFC 7313 §5; RFC 6608 §3",
    outcomes: endsWith("5/1", "5/2", "7/1"),
  },
];
