import assert from "node:assert/strict";
import type { Random } from "../../../mod/base/clock.ts";
import {
  EtcdFormatError,
  parseJson,
  readGranted,
  readKept,
  readRefusal,
  readTxnResult,
  readWatchLine,
  txnJson,
  watchJson,
} from "../../../mod/election/etcd/json.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

/** What etcd 3.4.23 answered, word for word. */
const HEADER =
  `"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"2","raft_term":"2"}`;

Deno.test("a transaction is written as the gateway reads it", () => {
  const txn = txnJson({
    compare: [{ key: "a", createRevision: 0 }, { key: "b", modRevision: 12 }],
    success: [{ do: "put", key: "a", value: "ü", lease: "1234" }, { do: "range", prefix: "a/" }],
  });
  assert.deepEqual(txn, {
    compare: [
      { target: "CREATE", result: "EQUAL", key: "YQ==", create_revision: "0" },
      { target: "MOD", result: "EQUAL", key: "Yg==", mod_revision: "12" },
    ],
    success: [
      { request_put: { key: "YQ==", value: "w7w=", lease: "1234" } },
      { request_range: { key: "YS8=", range_end: "YTA=", sort_order: "ASCEND", sort_target: "CREATE" } },
    ],
  });
});

Deno.test("a watch begins at a revision", () => {
  assert.deepEqual(watchJson({ prefix: "a/", fromRevision: 7 }), {
    create_request: { key: "YS8=", range_end: "YTA=", start_revision: "7", progress_notify: true },
  });
});

Deno.test("the result of a transaction is read, fields that are left out being zero", () => {
  const kv = `{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"1","value":"w7w=","lease":"-1234"}`;
  const ranges = `{"response_range":{${HEADER},"kvs":[${kv}],"count":"1"}},{"response_range":{${HEADER}}}`;
  const text = `{${HEADER},"succeeded":true,"responses":[{"response_put":{${HEADER}}},${ranges}]}`;
  assert.deepEqual(readTxnResult(parseJson(text)), {
    succeeded: true,
    revision: 2,
    ranges: [[{ key: "a", value: "ü", lease: "-1234", createRevision: 2, modRevision: 3 }], []],
  });
  assert.deepEqual(readTxnResult(parseJson(`{${HEADER}}`)), { succeeded: false, revision: 2, ranges: [] });
});

Deno.test("a lease that is gone is kept alive for 0 seconds", () => {
  assert.deepEqual(readGranted(parseJson(`{${HEADER},"ID":"1234","TTL":"5"}`)), { ttlSeconds: 5 });
  assert.deepEqual(readKept(parseJson(`{"result":{${HEADER},"ID":"1234","TTL":"5"}}\n`)), { ttlSeconds: 5 });
  assert.deepEqual(readKept(parseJson(`{"result":{${HEADER},"ID":"999"}}`)), { ttlSeconds: 0 });
});

Deno.test("the lines of a watch say whether something changed, or that it has ended", () => {
  const deleted = `{"type":"DELETE","kv":{"key":"YQ==","mod_revision":"3"}}`;
  assert.deepEqual(readWatchLine(`{"result":{${HEADER},"created":true}}`), { is: "quiet" });
  assert.deepEqual(readWatchLine(`{"result":{${HEADER}}}`), { is: "quiet" });
  assert.deepEqual(readWatchLine(`{"result":{${HEADER},"events":[${deleted}]}}`), { is: "changed" });
  const compacted = `{"result":{${HEADER},"canceled":true,"compact_revision":"9","cancel_reason":"compacted"}}`;
  assert.deepEqual(readWatchLine(compacted), { is: "ended", cause: "compacted" });
  const error = `{"error":{"grpc_code":14,"http_code":503,"message":"no leader","http_status":"Service Unavailable"}}`;
  assert.deepEqual(readWatchLine(error), { is: "ended", cause: "no leader" });
});

Deno.test("a refusal is certain only if etcd says why, and could tell", () => {
  const gone =
    `{"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5}`;
  assert.deepEqual(readRefusal(404, gone), {
    outcome: "refused",
    code: 5,
    message: "etcdserver: requested lease not found",
  });
  const cases: readonly (readonly [number, string, string])[] = [
    [503, `{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}`, "etcdserver: no leader"],
    [504, `{"error":"context deadline exceeded","code":4}`, "context deadline exceeded"],
    [502, "<html>Bad Gateway</html>", "HTTP status 502"],
    [404, "Not Found", "HTTP status 404"],
    [500, "[]", "HTTP status 500"],
  ];
  for (const [status, text, cause] of cases) {
    assert.deepEqual(readRefusal(status, text), { outcome: "unreachable", cause }, text);
  }
});

Deno.test("what is not etcd's answer is an error of format", () => {
  const revision = (text: string): string => `{"header":{"revision":${text}}}`;
  const range = (kv: string): string => `{${HEADER},"responses":[{"response_range":{"kvs":[${kv}]}}]}`;
  const texts = [
    "",
    "null",
    "[]",
    "{}",
    "<html>",
    revision("null"),
    revision(`"x"`),
    revision(`"99999999999999999"`),
    `{${HEADER},"responses":{}}`,
    range("1"),
    range(`{"key":1}`),
    range(`{"key":"*"}`),
    range(`{"key":"YQ==","lease":"x"}`),
  ];
  for (const text of texts) assert.throws(() => readTxnResult(parseJson(text)), EtcdFormatError, text);
  for (const text of ["{}", "1", `{"result":[]}`]) assert.throws(() => readKept(parseJson(text)), EtcdFormatError);
  for (const text of ["{}", "{", `{"result":{"events":1}}`]) assert.throws(() => readWatchLine(text), EtcdFormatError);
});

Deno.test("whatever comes, nothing but an error of format is thrown", () => {
  const seed = seedFromEnv(1);
  const random = seededRandom(seed);
  const kv = `{"key":"YQ==","create_revision":"2","mod_revision":"3","value":"w7w=","lease":"12"}`;
  const texts = [
    `{${HEADER},"succeeded":true,"responses":[{"response_range":{"kvs":[${kv}],"count":"1"}}]}`,
    `{"result":{${HEADER},"ID":"1234","TTL":"5","events":[{"kv":${kv}}]}}`,
    `{"error":{"message":"no leader"},"code":14}`,
  ];
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = mutated(texts[round % texts.length] ?? "", random);
    readRefusal(500, text);
    for (
      const read of [() => readTxnResult(parseJson(text)), () => readKept(parseJson(text)), () => readWatchLine(text)]
    ) {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof EtcdFormatError, `SEED=${seed} ${text}: ${error}`);
        refused++;
      }
    }
  }
  assert.ok(refused > 20_000);
});

/** The text with some characters exchanged, left out or doubled, or one value replaced. */
function mutated(text: string, random: Random): string {
  const values = ["null", "[]", "{}", "0", `""`, "true", "1e400", `"-1"`];
  if (random() < 0.5) {
    const value = values[Math.floor(random() * values.length)] ?? "null";
    const starts = [...text.matchAll(/(?<=:)("[^"]*"|true|\{|\[)/g)];
    const [hit, at] = [starts[Math.floor(random() * starts.length)], random()];
    if (hit !== undefined && at < 0.9) return text.slice(0, hit.index) + value + text.slice(hit.index + hit[0].length);
  }
  const at = Math.floor(random() * text.length);
  const chars = `{}[]",:0a-*\\`;
  return text.slice(0, at) + (chars[Math.floor(random() * chars.length)] ?? "") +
    text.slice(at + (random() < 0.5 ? 0 : 1));
}
