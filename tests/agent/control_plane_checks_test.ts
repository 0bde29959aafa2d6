import assert from "node:assert/strict";
import { ControlPlaneChecks } from "../../mod/agent/control_plane_checks.ts";
import type { HealthCheckConfig } from "../../mod/config/types.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, OBJECT, OK, pass, refusal, StubServers } from "../health/stub_client.ts";

const REFUSED: Behaviour = { outcome: "unreachable", cause: "tcp connect error: Connection refused (os error 111)" };
const [A, B] = ["10.0.0.1:6443", "[fd00::2]:6443"];

class Kit {
  readonly clock = new VirtualClock();
  readonly behaviours = new Map<string, Behaviour>();
  /** Whose reads through etcd hang. */
  readonly withoutEtcd = new Set<string>();
  /** Its next check is a fault of the program. */
  faulty = "";
  readonly servers = new StubServers(this.clock, (server, { path }) => {
    if (server === this.faulty) {
      this.faulty = "";
      throw new TypeError("a fault");
    }
    if (path === OBJECT && this.withoutEtcd.has(server)) return "hangs";
    return this.behaviours.get(server) ?? OK;
  });
  readonly client = this.servers.client("https://127.0.0.1:6443");
  readonly heard: string[] = [];
  readonly checks = new ControlPlaneChecks({
    client: this.client,
    clock: this.clock,
    objectPath: OBJECT,
    onResult: (index, { ok, detail }) => void this.heard.push(`${index} ${ok ? "well" : "ill"}: ${detail}`),
  });

  update(...hosts: readonly string[]): void {
    const targets = hosts.map((host, index) => [index, { host, hostname: "", port: 0 }] as const);
    this.checks.update(new Map(targets), CONFIG);
  }

  /** The only server is known by this index from now on. */
  move(host: string, index: number): void {
    this.checks.update(new Map([[index, { host, hostname: "", port: 0 }]]), CONFIG);
  }

  behave(host: string, behaviour: Behaviour): void {
    this.behaviours.set(`https://${host}`, behaviour);
  }

  /** What was said in the course of one round of checks. */
  async round(): Promise<string[]> {
    await pass(this.clock, CONFIG.intervalMs);
    return this.take();
  }

  /** A question that hangs does so until its limit here, unlike a real one. */
  async stop(): Promise<void> {
    const stopped = this.checks.stop();
    await pass(this.clock, CONFIG.timeoutMs);
    await stopped;
  }

  take(): string[] {
    return this.heard.splice(0);
  }
}

const CONFIG: HealthCheckConfig = {
  type: "http",
  path: "/readyz",
  expectMin: 200,
  expectMax: 499,
  intervalMs: 2500,
  timeoutMs: 1000,
  rise: 2,
  fall: 2,
};

Deno.test("every server is asked at once, then once an interval, and one that is new at once", async () => {
  const kit = new Kit();
  kit.update(A);
  await pass(kit.clock, 1000);
  assert.deepEqual(kit.servers.asked, [], "not before the start");
  kit.checks.start();
  await pass(kit.clock, 0);
  kit.update(A, B);
  await pass(kit.clock, 2400);
  assert.deepEqual(kit.servers.asked, [A, B].flatMap((host) => [`https://${host}/readyz`, `https://${host}${OBJECT}`]));
  await pass(kit.clock, 2500);
  assert.equal(kit.servers.asked.length, 8);
  assert.deepEqual(kit.take(), ["0 well: answers 200", "1 well: answers 200"], "what is known is not said again");
  await kit.stop();
});

Deno.test("who refuses to answer lives, and so does one whose certificate has other names; trouble and silence are ill", async () => {
  const rows: [Behaviour, string][] = [
    [OK, "0 well: answers 200"],
    [refusal(401), "0 well: answers 401 to /readyz"],
    [refusal(403), "0 well: answers 403 to /readyz"],
    [refusal(500), "0 ill: answers 500 to /readyz"],
    [REFUSED, "0 ill: does not answer (tcp connect error: Connection refused (os error 111))"],
    ["hangs", "0 ill: does not answer (no answer in time)"],
    [
      { outcome: "unreachable", cause: 'invalid peer certificate: certificate not valid for name "10.0.0.1"; …' },
      '0 well: does not answer (invalid peer certificate: certificate not valid for name "10.0.0.1"; …)',
    ],
    [
      { outcome: "unreachable", cause: "invalid peer certificate: UnknownIssuer" },
      "0 ill: does not answer (invalid " +
      "peer certificate: UnknownIssuer)",
    ],
  ];
  for (const [behaviour, wanted] of rows) {
    const kit = new Kit();
    kit.behave(A, behaviour);
    kit.update(A, B);
    kit.checks.start();
    const said = [...await kit.round(), ...await kit.round()];
    assert.deepEqual(said.toSorted(), [wanted, "1 well: answers 200"].toSorted());
    await kit.stop();
  }
});

Deno.test("the first result counts at once, others when two in a row say so", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  assert.deepEqual(await kit.round(), ["0 well: answers 200", "1 well: answers 200"]);
  const steps: [Behaviour, string[]][] = [
    [refusal(500), []],
    [OK, []],
    [REFUSED, []],
    [refusal(503), ["0 ill: answers 503 to /readyz"]],
    [REFUSED, []],
    [OK, []],
    [refusal(500), []],
    [OK, []],
    [OK, ["0 well: answers 200"]],
    [refusal(500), []],
    [OK, []],
    [refusal(500), []],
  ];
  for (const [behaviour, wanted] of steps) {
    kit.behave(A, behaviour);
    assert.deepEqual(await kit.round(), wanted, JSON.stringify(behaviour));
  }
  await kit.stop();
});

Deno.test("trouble of all servers at once is not theirs: it does not count, also not for the first that is well again", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  assert.equal((await kit.round()).length, 2);
  for (const behaviour of [refusal(500), "hangs"] satisfies Behaviour[]) {
    kit.behave(A, behaviour);
    kit.behave(B, behaviour);
    for (let round = 0; round < 4; round++) assert.deepEqual(await kit.round(), [], "in use as before");
    kit.behave(B, OK);
    assert.deepEqual(await kit.round(), [], "a moment is granted");
    kit.behave(A, OK);
    assert.deepEqual(await kit.round(), []);
  }
  kit.behave(A, REFUSED);
  kit.behave(B, REFUSED);
  await kit.round();
  assert.deepEqual(
    (await kit.round()).map((line) => line.slice(0, 5)).sort(),
    ["0 ill", "1 ill"],
    "who refuses is gone",
  );
  await kit.stop();
});

Deno.test("a server that is ready and cannot reach its etcd is ill", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  assert.equal((await kit.round()).length, 2);
  kit.withoutEtcd.add(`https://${A}`);
  const said = [...await kit.round(), ...await kit.round(), ...await kit.round()];
  assert.deepEqual(said, ["0 ill: does not answer (no answer in time)"]);
  await kit.stop();
});

Deno.test("an etcd that pauses for all counts against none, whoever is asked first", async () => {
  for (let lateMs = 0; lateMs < CONFIG.intervalMs; lateMs += 50) {
    const kit = new Kit();
    kit.update(A);
    kit.checks.start();
    await pass(kit.clock, lateMs);
    kit.update(A, B);
    await pass(kit.clock, 5000);
    assert.equal(kit.take().length, 2);
    for (const host of [A, B]) kit.withoutEtcd.add(`https://${host}`);
    await pass(kit.clock, 20_000);
    kit.withoutEtcd.clear();
    await pass(kit.clock, 20_000);
    assert.deepEqual(kit.take(), [], `${lateMs} ms apart`);
    await kit.stop();
  }
});

Deno.test("when the trouble of all is over, whoever takes longer to get over it has two intervals, and no more", async () => {
  const kit = new Kit();
  kit.update(A);
  kit.checks.start();
  await pass(kit.clock, 100);
  kit.update(A, B);
  await kit.round();
  for (const host of [A, B]) kit.behave(host, refusal(500));
  assert.deepEqual([...await kit.round(), ...await kit.round(), ...await kit.round()], []);
  kit.behave(A, OK);
  assert.deepEqual(await kit.round(), [], "A is well, and B a tenth of a second later not yet");
  kit.behave(B, OK);
  assert.deepEqual(await kit.round(), []);
  for (const host of [A, B]) kit.behave(host, refusal(500));
  assert.deepEqual([...await kit.round(), ...await kit.round(), ...await kit.round()], []);
  kit.behave(A, OK);
  assert.deepEqual([...await kit.round(), ...await kit.round()], []);
  assert.deepEqual(await kit.round(), ["1 ill: answers 500 to /readyz"]);
  await kit.stop();
});

Deno.test("a server that was never seen to be well is not used because all are ill", async () => {
  const kit = new Kit();
  kit.behave(A, refusal(500));
  kit.update(A);
  kit.checks.start();
  assert.deepEqual(await kit.round(), ["0 ill: answers 500 to /readyz"]);
  kit.behave(A, OK);
  assert.deepEqual([...await kit.round(), ...await kit.round()], ["0 well: answers 200"]);
  await kit.stop();
});

Deno.test("a server that hangs is asked once at a time, and one that is gone from the list is not heard any more", async () => {
  const kit = new Kit();
  kit.behaviours.set(`https://${A}`, "hangs");
  kit.checks.start();
  kit.update(A, B);
  await pass(kit.clock, 500);
  kit.update(B);
  await pass(kit.clock, 600);
  assert.deepEqual(kit.take(), ["1 well: answers 200", "0 well: answers 200"], "the index has another server now");
  kit.update(A);
  await pass(kit.clock, 6000);
  assert.equal(kit.servers.most, 1);
  await kit.stop();
});

Deno.test("a stop leaves neither timers nor connections, and nothing begins afterwards", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  await pass(kit.clock, 0);
  assert.equal(kit.servers.open, 3);
  await kit.stop();
  await kit.stop();
  kit.update(A);
  kit.checks.start();
  assert.deepEqual([kit.servers.open, kit.clock.pending], [1, 0]);
});

Deno.test("a server is asked again after a check that failed in itself", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  assert.equal((await kit.round()).length, 2);
  kit.faulty = `https://${A}`;
  assert.deepEqual(await kit.round(), []);
  kit.behave(A, REFUSED);
  const heard = [...await kit.round(), ...await kit.round()];
  assert.deepEqual(heard, ["0 ill: does not answer (tcp connect error: Connection refused (os error 111))"]);
  await kit.stop();
});

Deno.test("a server that is wanted for something else is asked soon, and what is known of it is not forgotten", async () => {
  const kit = new Kit();
  kit.update(A);
  kit.checks.start();
  assert.deepEqual(await kit.round(), ["0 well: answers 200"]);
  kit.move(A, -1);
  await pass(kit.clock, 0);
  assert.deepEqual(kit.take(), ["-1 well: answers 200"]);
  kit.behave(A, REFUSED);
  kit.move(A, 7);
  await pass(kit.clock, 0);
  assert.deepEqual(kit.take(), [], "one failure is none, as before");
  assert.match((await kit.round()).join(), /^7 ill/);
  kit.move(A, 8);
  await pass(kit.clock, 0);
  assert.match(kit.take().join(), /^8 ill/);
  assert.deepEqual(await kit.round(), []);
  await kit.stop();
  assert.equal(kit.clock.pending, 0);
});
