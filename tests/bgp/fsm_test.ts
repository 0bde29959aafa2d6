import assert from "node:assert/strict";
import { Fsm } from "../../mod/bgp/fsm.ts";
import type { FsmAction, FsmEvent } from "../../mod/bgp/fsm_types.ts";
import type { SessionState } from "../../mod/bgp/types.ts";
import { seededRandom } from "../fakes/random.ts";
import { ROWS } from "./fsm_table.ts";
import { SEED } from "./session_kit.ts";

const STATES: readonly SessionState[] = ["idle", "connect", "active", "open-sent", "open-confirm", "established"];

const middle = { now: 1000, random: () => 0.5 };
const OPEN: FsmEvent = { is: "BGPOpen", holdTimeMs: 9000, keepaliveMs: 3000 };

/** Events that lead from Idle to each state. */
const PATHS: Readonly<Record<SessionState, readonly FsmEvent[]>> = {
  idle: [],
  connect: [{ is: "ManualStart" }],
  active: [{ is: "ManualStart_with_PassiveTcpEstablishment" }],
  "open-sent": [{ is: "ManualStart" }, { is: "Tcp_CR_Acked" }],
  "open-confirm": [{ is: "ManualStart" }, { is: "Tcp_CR_Acked" }, OPEN],
  established: [{ is: "ManualStart" }, { is: "Tcp_CR_Acked" }, OPEN, { is: "KeepAliveMsg" }],
};

/** A machine in that state. */
function machine(state: SessionState, { passive = false, at = middle } = {}): Fsm {
  const fsm = new Fsm({ passive, connectRetryMs: 1000 });
  for (const event of PATHS[state]) fsm.handle(event, at);
  assert.equal(fsm.state, state);
  return fsm;
}

function words(action: FsmAction): string {
  switch (action.do) {
    case "notify":
      return `notify ${action.notice.code}/${action.notice.subcode}`;
    case "drop":
      return action.how;
    case "send-open":
      return "open";
    case "send-keepalive":
      return "keepalive";
    default:
      return action.do;
  }
}

function outcome(fsm: Fsm, actions: readonly FsmAction[]): string {
  return actions.length === 0 ? fsm.state : `${fsm.state}: ${actions.map(words).join(", ")}`;
}

Deno.test("every event in every state does what RFC 4271 §8.2.2 says", () => {
  let cases = 0;
  for (const row of ROWS) {
    STATES.forEach((state, index) => {
      const fsm = machine(state);
      const actions = fsm.handle(row.event, middle);
      const what = `${row.event.is} (${row.number}) in ${state}, ${row.spec}`;
      assert.equal(outcome(fsm, actions), row.outcomes[index], what);
      if (fsm.state === "idle") assert.equal(fsm.nextDeadline(), null, `${what}: a timer runs in Idle`);
      cases += 1;
    });
  }
  assert.equal(cases, 31 * 6);
  const numbers = ROWS.map((row) => row.number).filter((number) => number !== null);
  assert.deepEqual(numbers, Array.from({ length: 29 }, (_, index) => index + 1));
});

Deno.test("what is reported about an error is sent as it is", () => {
  const error = { code: 2, subcode: 6, data: Uint8Array.of(1, 2) };
  const [notify] = machine("open-sent").handle({ is: "BGPOpenMsgErr", error }, middle);
  assert.deepEqual(notify, { do: "notify", notice: error });
});

Deno.test("timers run between 0.75 and 1.0 of their time (RFC 4271 §10)", () => {
  const random = seededRandom(SEED);
  for (let i = 0; i < 200; i += 1) {
    const connect = machine("connect", { at: { now: 1000, random } });
    const retryMs = (connect.nextDeadline() ?? 0) - 1000;
    assert(retryMs >= 750 && retryMs <= 1000, `seed ${SEED}: connect retry after ${retryMs}`);
    const up = machine("established", { at: { now: 1000, random } });
    const keepaliveMs = (up.nextDeadline() ?? 0) - 1000;
    assert(keepaliveMs >= 2250 && keepaliveMs <= 3000, `seed ${SEED}: keepalive after ${keepaliveMs}`);
  }
});

Deno.test("the hold timer is four minutes until the OPEN, then what was negotiated", () => {
  assert.equal(machine("open-sent").holdDeadline(), 241_000);
  assert.equal(machine("open-confirm").holdDeadline(), 10_000);
});

Deno.test("the hold timer starts anew with KEEPALIVE and UPDATE and with nothing else", () => {
  const later = { now: 4000, random: () => 0 };
  const cases: readonly [FsmEvent, number][] = [
    [{ is: "KeepAliveMsg" }, 13_000],
    [{ is: "UpdateMsg" }, 13_000],
    [{ is: "RouteRefreshMsg" }, 10_000],
    [{ is: "KeepaliveTimer_Expires" }, 10_000],
    [{ is: "TcpConnection_Valid" }, 10_000],
  ];
  for (const [event, deadlineMs] of cases) {
    const fsm = machine("established");
    fsm.handle(event, later);
    assert.equal(fsm.holdDeadline(), deadlineMs, event.is);
  }
});

Deno.test("a hold time of 0 means no timers at all", () => {
  const fsm = machine("open-sent");
  fsm.handle({ is: "BGPOpen", holdTimeMs: 0, keepaliveMs: 0 }, middle);
  assert.equal(fsm.nextDeadline(), null);
  fsm.handle({ is: "KeepAliveMsg" }, middle);
  assert.deepEqual([fsm.state, fsm.nextDeadline()], ["established", null]);
});

Deno.test("a passive connection never connects", () => {
  const fsm = machine("active", { passive: true });
  assert.equal(fsm.nextDeadline(), null);
  assert.deepEqual(fsm.handle({ is: "ConnectRetryTimer_Expires" }, middle), []);
  fsm.handle({ is: "TcpConnectionConfirmed" }, middle);
  fsm.handle({ is: "TcpConnectionFails" }, middle);
  assert.deepEqual([fsm.state, fsm.nextDeadline()], ["active", null]);
});

Deno.test("Idle can be held: only a start that damps waits for it", () => {
  const fsm = machine("idle");
  fsm.holdIdle(5000);
  assert.equal(fsm.nextDeadline(), 5000);
  assert.deepEqual(fsm.handle({ is: "AutomaticStart_with_DampPeerOscillations" }, middle), []);
  assert.equal(fsm.dueEvent(4999), null);
  const event = fsm.dueEvent(5000);
  assert.deepEqual(event, { is: "IdleHoldTimer_Expires" });
  fsm.handle(event, { now: 5000, random: () => 0 });
  assert.equal(fsm.state, "connect");
  const passive = new Fsm({ passive: true, connectRetryMs: 1000 });
  passive.handle({ is: "IdleHoldTimer_Expires" }, middle);
  assert.equal(passive.state, "active");
});

Deno.test("a start by hand ends the hold of Idle, a stop by hand forgets it", () => {
  const started = machine("idle");
  started.holdIdle(5000);
  started.handle({ is: "ManualStart" }, middle);
  assert.equal(started.nextDeadline(), 1875);
  const stopped = machine("idle");
  stopped.holdIdle(5000);
  stopped.handle({ is: "ManualStop", cease: { code: 6, subcode: 2, data: new Uint8Array() } }, middle);
  assert.equal(stopped.nextDeadline(), null);
  const busy = machine("connect");
  busy.holdIdle(1001);
  assert.equal(busy.nextDeadline(), 1875);
});

Deno.test("an attempt that begins late has its whole time", () => {
  const fsm = machine("connect");
  assert.equal(fsm.nextDeadline(), 1875);
  fsm.attemptBegins({ now: 1800, random: () => 0.5 });
  assert.equal(fsm.nextDeadline(), 2675);
  const up = machine("established");
  up.attemptBegins(middle);
  assert.equal(up.state, "established");
});

Deno.test("ConnectRetryCounter counts ends and is forgotten by a stop by hand", () => {
  const fsm = machine("established");
  fsm.handle({ is: "HoldTimer_Expires" }, middle);
  assert.equal(fsm.connectRetryCounter, 1);
  const stopped = machine("established");
  stopped.handle({ is: "ManualStop", cease: { code: 6, subcode: 2, data: new Uint8Array() } }, middle);
  assert.equal(stopped.connectRetryCounter, 0);
});

Deno.test("any order of events leaves the machine in one of its states, with no timer in Idle but the hold", () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < 200; run += 1) {
    const fsm = new Fsm({ passive: run % 2 === 0, connectRetryMs: 1000 });
    for (let step = 0; step < 100; step += 1) {
      const row = ROWS[Math.floor(random() * ROWS.length)];
      assert(row !== undefined);
      const actions = fsm.handle(row.event, { now: step, random });
      assert(STATES.includes(fsm.state), `seed ${SEED}`);
      if (fsm.state === "idle") assert.equal(fsm.nextDeadline(), null, `seed ${SEED}: ${row.event.is}`);
      const hasAnswered = actions.some((action) => action.do === "notify");
      if (row.event.is.startsWith("Notif")) assert(!hasAnswered, `seed ${SEED}: a NOTIFICATION was answered`);
    }
  }
});
