import assert from "node:assert/strict";
import { askServer } from "../../mod/health/livez.ts";
import type { CheckResult } from "../../mod/health/threshold.ts";
import type { KubeRequest } from "../../mod/kube/api.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, GONE, OBJECT, OK, pass, refusal, StubServers } from "./stub_client.ts";

interface Answers {
  readonly livez: Behaviour;
  readonly object: Behaviour;
}

/** The result, which has to be there within the limit of one second, and what was asked. */
async function ask(answers: Answers, objectPath: string | null = OBJECT): Promise<[CheckResult, KubeRequest[]]> {
  const clock = new VirtualClock();
  const asked: KubeRequest[] = [];
  const servers = new StubServers(clock, (_server, request) => {
    asked.push(request);
    return request.path === "/livez" ? answers.livez : answers.object;
  });
  const asking = askServer(servers.client("https://10.0.0.1:6443"), objectPath);
  await pass(clock, 1000);
  const result = await Promise.race([asking, Promise.resolve(null)]);
  assert.ok(result !== null, "no result within the limit");
  return [result, asked];
}

/** From the best to the worst. */
const KINDS: readonly { readonly outcome: CheckResult["outcome"]; readonly behaviours: readonly Behaviour[] }[] = [
  { outcome: "good", behaviours: [OK, ...[401, 403, 404, 429].map((status) => refusal(status))] },
  { outcome: "ailing", behaviours: [500, 502, 503, 504].map((status) => refusal(status)) },
  { outcome: "gone", behaviours: [GONE, "hangs"] },
];

Deno.test("of the answers to /livez and to the read through etcd the worse one counts", async () => {
  for (const [livezIs, { behaviours: ofLivez }] of KINDS.entries()) {
    for (const [objectIs, { behaviours: ofObject }] of KINDS.entries()) {
      const expected = KINDS[Math.max(livezIs, objectIs)]?.outcome;
      for (const livez of ofLivez) {
        for (const object of ofObject) {
          const [{ outcome }] = await ask({ livez, object });
          assert.equal(outcome, expected, JSON.stringify({ livez, object }));
        }
      }
    }
  }
});

Deno.test("without an object only /livez is asked", async () => {
  for (const { outcome, behaviours } of KINDS) {
    for (const livez of behaviours) {
      const [result, asked] = await ask({ livez, object: GONE }, null);
      assert.equal(result.outcome, outcome, JSON.stringify(livez));
      assert.deepEqual(asked.map(({ path }) => path), ["/livez"]);
    }
  }
});

Deno.test("the read is a plain GET, which a cache may not answer, and both have a limit of one second", async () => {
  const [, asked] = await ask({ livez: OK, object: OK });
  const common = { method: "GET", limitMs: 1000 };
  assert.deepEqual(asked, [{ ...common, path: "/livez" }, { ...common, path: OBJECT }]);
});

Deno.test("the reason names what failed; when both did, the server", async () => {
  const refused = "connection refused";
  const table: [Answers, string][] = [
    [{ livez: GONE, object: OK }, `the API server does not answer (${refused})`],
    [{ livez: GONE, object: GONE }, `the API server does not answer (${refused})`],
    [{ livez: OK, object: GONE }, `the API server does not answer a read through etcd of ${OBJECT} (${refused})`],
    [{ livez: refusal(500), object: refusal(503) }, "the API server is not well (it answered 500 to /livez)"],
    [{ livez: OK, object: refusal(503) }, `the API server is not well (it answered 503 to ${OBJECT})`],
  ];
  for (const [answers, expected] of table) {
    const [result] = await ask(answers);
    assert.equal("why" in result ? result.why : "", expected);
  }
});
