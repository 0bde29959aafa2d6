import assert from "node:assert/strict";
import { ControlPlaneChecks } from "../../mod/agent/control_plane_checks.ts";
import type { HealthCheckConfig } from "../../mod/config/types.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, GONE, OK, pass, refusal, StubServers } from "../health/stub_client.ts";

const [A, B] = ["10.0.0.1:6443", "[fd00::2]:6443"];

class Kit {
  readonly clock = new VirtualClock();
  readonly behaviours = new Map<string, Behaviour>();
  readonly servers = new StubServers(this.clock, (server) => this.behaviours.get(server) ?? OK);
  readonly client = this.servers.client("https://127.0.0.1:6443");
  readonly heard: string[] = [];
  readonly checks = new ControlPlaneChecks({
    client: this.client,
    clock: this.clock,
    onResult: (index, { ok, detail }) => void this.heard.push(`${index} ${ok ? "well" : "ill"}: ${detail}`),
  });

  update(...hosts: readonly string[]): void {
    const targets = hosts.map((host, index) => [index, { host, hostname: "", port: 0 }] as const);
    this.checks.update(new Map(targets), CONFIG);
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
  assert.deepEqual(kit.servers.asked, [`https://${A}/readyz`, `https://${B}/readyz`]);
  await pass(kit.clock, 2500);
  assert.equal(kit.servers.asked.length, 4);
  assert.deepEqual(kit.take().toSorted().slice(0, 2), ["0 well: answers 200", "0 well: answers 200"]);
  await kit.checks.stop();
});

Deno.test("who refuses to answer lives, and so does one whose certificate has other names; trouble and silence are ill", async () => {
  const rows: [Behaviour, string][] = [
    [OK, "0 well: answers 200"],
    [refusal(401), "0 well: answers 401 to /readyz"],
    [refusal(403), "0 well: answers 403 to /readyz"],
    [refusal(500), "0 ill: answers 500 to /readyz"],
    [GONE, "0 ill: does not answer (connection refused)"],
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
    kit.behaviours.set(`https://${A}`, behaviour);
    kit.update(A);
    kit.checks.start();
    await pass(kit.clock, 1000);
    assert.deepEqual(kit.take(), [wanted]);
    await kit.checks.stop();
  }
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
  await kit.checks.stop();
});

Deno.test("a stop leaves neither timers nor connections, and nothing begins afterwards", async () => {
  const kit = new Kit();
  kit.update(A, B);
  kit.checks.start();
  await pass(kit.clock, 0);
  assert.equal(kit.servers.open, 3);
  await kit.checks.stop();
  await kit.checks.stop();
  kit.update(A);
  kit.checks.start();
  assert.deepEqual([kit.servers.open, kit.clock.pending], [1, 0]);
});
