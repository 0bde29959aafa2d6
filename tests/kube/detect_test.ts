import assert from "node:assert/strict";
import { detectServer, type Probe, type ProbeRequest, tlsProbe } from "../../mod/kube/detect.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { TestPki } from "../fakes/kube/pki.ts";

const CA = ["the authority"];

/** Servers that answer at `reachable`, with a certificate for `names`; every question is kept. */
function machine(names: readonly string[], reachable: readonly string[]): { probe: Probe; asked: ProbeRequest[] } {
  const asked: ProbeRequest[] = [];
  const probe: Probe = (request) => {
    asked.push(request);
    if (!reachable.includes(request.host)) return Promise.resolve({ outcome: "failed", cause: "refused" });
    const named = !request.checkName || names.includes(request.host);
    return Promise.resolve(named ? { outcome: "trusted", names } : { outcome: "failed", cause: "wrong name" });
  };
  return { probe, asked };
}

Deno.test("The first way that works with its name checked is taken, loopback before everything", async () => {
  const everywhere = ["127.0.0.1", "localhost", "10.0.0.5", "10.0.0.6", "kubernetes"];
  const cases: [string[], string[], string | null][] = [
    [["127.0.0.1", "10.0.0.5"], everywhere, "127.0.0.1"],
    [["localhost", "10.0.0.5"], everywhere, "localhost"],
    [["kubernetes", "10.0.0.6"], everywhere, "10.0.0.6"],
    [["kubernetes", "10.0.0.6"], ["127.0.0.1", "kubernetes"], "kubernetes"],
    // It listens on one address only.
    [["10.0.0.6"], ["10.0.0.6"], "10.0.0.6"],
    // An address of the certificate that is another machine's.
    [["10.0.0.9"], [...everywhere, "10.0.0.9"], null],
    [[], [], null],
  ];
  for (const [names, reachable, expected] of cases) {
    const { probe, asked } = machine(names, reachable);
    const localAddresses = ["10.0.0.5", "10.0.0.6"];
    const found = await detectServer({ port: 6443, caCerts: CA, localAddresses, probe });
    if (expected === null) assert.equal(found.outcome, "failed");
    else assert.deepEqual(found, { outcome: "found", server: `https://${expected}:6443` }, names.join());
    assert.ok(asked.slice(1).every((request) => request.checkName), "an answer is taken only with its name checked");
  }
});

Deno.test("A failure says what was tried and what the certificate is for", async () => {
  const { probe } = machine(["10.0.0.9", "kubernetes"], ["127.0.0.1"]);
  const found = await detectServer({ port: 6443, caCerts: CA, localAddresses: ["10.0.0.5"], probe });
  assert.deepEqual(found, {
    outcome: "failed",
    message: "No API server answers on port 6443 under a name of its certificate; the certificate is for 10.0.0.9, " +
      "kubernetes (kubernetes: refused)",
  });
});

Deno.test("Without an authority nothing is believed, nor asked", async () => {
  const { probe, asked } = machine(["127.0.0.1"], ["127.0.0.1"]);
  const found = await detectServer({ port: 6443, caCerts: [], localAddresses: [], probe });
  assert.equal(found.outcome, "failed");
  assert.equal(asked.length, 0);
});

Deno.test("A real handshake reads the names only of a certificate whose chain is good", async () => {
  const [ours, theirs] = await Promise.all([TestPki.make(), TestPki.make()]);
  const api = FakeApiServer.start({
    tls: await ours.issue({ name: "kube-apiserver", san: "DNS:kubernetes,IP:127.0.0.2" }),
    hostname: "0.0.0.0",
  });
  const probe = tlsProbe(systemClock);
  const ask = (host: string, pki: TestPki, checkName: boolean): ReturnType<Probe> =>
    probe({ host, port: api.port, caCerts: [pki.caCert], checkName, limitMs: 5000 });
  const trusted = { outcome: "trusted", names: ["kubernetes", "127.0.0.2"] };
  assert.deepEqual(await ask("127.0.0.1", ours, false), trusted);
  assert.deepEqual(await ask("127.0.0.2", ours, true), trusted);
  assert.equal((await ask("127.0.0.1", ours, true)).outcome, "failed");
  assert.equal((await ask("127.0.0.1", theirs, false)).outcome, "failed");
  assert.equal((await ask("127.0.0.2", theirs, true)).outcome, "failed");
  const localAddresses = ["127.0.0.3", "127.0.0.2"];
  const found = await detectServer({ port: api.port, caCerts: [ours.caCert], localAddresses, probe });
  assert.deepEqual(found, { outcome: "found", server: `https://127.0.0.2:${api.port}` });
  await api.stop();
  await Promise.all([ours.remove(), theirs.remove()]);
});

Deno.test("A server that says nothing is given up", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const clock = new VirtualClock();
  const asked = tlsProbe(clock)({ host: "127.0.0.1", port, caCerts: [], checkName: true, limitMs: 300 });
  const accepted = await listener.accept();
  clock.advance(300);
  assert.deepEqual(await asked, { outcome: "failed", cause: "no answer within 300 ms" });
  accepted.close();
  listener.close();
  const refused = await tlsProbe(clock)({ host: "127.0.0.1", port, caCerts: [], checkName: true, limitMs: 300 });
  assert.equal(refused.outcome, "failed");
  assert.equal(clock.pending, 0);
});
