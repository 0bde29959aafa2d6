import assert from "node:assert/strict";
import type { KubeAnswer, KubeObject } from "../../mod/kube/api.ts";
import { Reflector } from "../../mod/kube/reflector.ts";
import { Told } from "./kit.ts";

type Refused = Extract<KubeAnswer<unknown>, { outcome: "refused" }>;

function refused(status: number, more: Partial<Refused> = {}): Refused {
  return { outcome: "refused", status, reason: "", message: "", retryAfterMs: null, ...more };
}

function page(names: readonly string[], version: string, continueToken?: string): KubeAnswer<unknown> {
  const items = names.map((name) => ({ metadata: { name } }));
  return {
    outcome: "ok",
    status: 200,
    body: { metadata: { resourceVersion: version, continue: continueToken }, items },
  };
}

function event(type: string, name: string, version: string): unknown {
  return { type, object: { metadata: { name, resourceVersion: version } } };
}

const LOST: KubeAnswer<never> = { outcome: "unreachable", cause: "gone" };
const CUT = { how: "cut", livedMs: 100, cause: "cut off" } as const;

/** A reflector whose chance is always one half: waits are exactly those of the table. */
function begin(): { reflector: Reflector<KubeObject>; told: Told } {
  const told = new Told();
  return { reflector: new Reflector({ path: "/x" }, told, () => 0.5), told };
}

/** One that has listed version 10 and watches. */
function watching(): { reflector: Reflector<KubeObject>; told: Told } {
  const begun = begin();
  begun.reflector.next();
  begun.reflector.listed(page(["a"], "10"));
  begun.reflector.next();
  begun.reflector.opened();
  return begun;
}

function watchVersion(reflector: Reflector<KubeObject>): string | undefined {
  const step = reflector.next();
  assert.equal(step.do, "watch");
  return step.do === "watch" ? step.query["resourceVersion"] : undefined;
}

Deno.test("It lists, then watches from the version of the list, with bookmarks and an end by chance", () => {
  const told = new Told();
  const request = { path: "/x", fieldSelector: "metadata.name=a", labelSelector: "k=v" };
  const reflector = new Reflector<KubeObject>(request, told, () => 0.999);
  const selectors = { fieldSelector: "metadata.name=a", labelSelector: "k=v" };
  assert.deepEqual(reflector.next(), { do: "list", query: { ...selectors, limit: "500" } });
  reflector.listed(page(["a"], "10"));
  const watch = { watch: "true", allowWatchBookmarks: "true", resourceVersion: "10", timeoutSeconds: "480" };
  assert.deepEqual(reflector.next(), { do: "watch", query: { ...selectors, ...watch } });
  reflector.opened();
  assert.deepEqual(told.lines, ["listed a=", "following"]);
});

Deno.test("Pages are put together before anybody is told", () => {
  const { reflector, told } = begin();
  reflector.next();
  reflector.listed(page(["a", "b"], "10", "more"));
  assert.deepEqual(told.lines, []);
  assert.deepEqual(reflector.next(), { do: "list", query: { limit: "500", continue: "more" } });
  reflector.listed(page(["c"], "10"));
  assert.deepEqual(told.lines, ["listed a= b= c="]);
});

Deno.test("A page that fails is asked for again; an expired continuation begins anew, in one piece", () => {
  const { reflector, told } = begin();
  reflector.next();
  reflector.listed(page(["a"], "10", "more"));
  reflector.listed(LOST);
  assert.deepEqual(reflector.next(), { do: "wait", delayMs: 250 });
  assert.deepEqual(reflector.next(), { do: "list", query: { limit: "500", continue: "more" } });
  reflector.listed(refused(410, { reason: "Expired" }));
  assert.deepEqual(reflector.next(), { do: "list", query: {} });
  reflector.listed(page(["a", "b"], "12"));
  assert.deepEqual(told.lines, ["broken", "listed a= b="]);
});

Deno.test("A list without end is given up", () => {
  const { reflector, told } = begin();
  for (let pages = 0; pages < 200; pages++) reflector.listed(page([], "10", "more"));
  assert.deepEqual(told.causes, ["More than 200 pages"]);
  assert.equal(reflector.next().do, "wait");
  assert.deepEqual(reflector.next(), { do: "list", query: { limit: "500" } });
});

Deno.test("An answer that is no list is a failure", () => {
  for (const body of [null, [], {}, { metadata: {} }, { metadata: { resourceVersion: "1" }, items: "none" }]) {
    const { reflector, told } = begin();
    reflector.listed({ outcome: "ok", status: 200, body });
    assert.deepEqual(told.lines, ["broken"], JSON.stringify(body));
  }
  const { reflector, told } = begin();
  reflector.listed({ outcome: "ok", status: 200, body: { metadata: { resourceVersion: "1" }, items: null } });
  assert.deepEqual(told.lines, ["listed"]);
});

Deno.test("Events move the version on, and it is resumed from the last of them", () => {
  const { reflector, told } = watching();
  assert.equal(reflector.event(event("ADDED", "b", "11")), "go on");
  reflector.event(event("MODIFIED", "b", "12"));
  reflector.event(event("DELETED", "a", "13"));
  reflector.event(event("BOOKMARK", "", "20"));
  reflector.ended({ how: "finished", livedMs: 100 });
  assert.equal(watchVersion(reflector), "20");
  assert.deepEqual(told.lines, ["listed a=", "following", "changed b=", "changed b=", "deleted a"]);
});

Deno.test("However a watch ends, it is resumed without a new list, and nobody is alarmed", () => {
  const { reflector, told } = watching();
  reflector.event(event("ADDED", "b", "11"));
  reflector.ended(CUT);
  assert.deepEqual(reflector.next(), { do: "wait", delayMs: 250 });
  assert.equal(watchVersion(reflector), "11");
  reflector.opened();
  reflector.ended({ how: "silent", livedMs: 90_000, cause: "silent" });
  assert.equal(watchVersion(reflector), "11");
  assert.deepEqual(told.lines, ["listed a=", "following", "changed b="]);
});

Deno.test("A server that ends every watch at once is not asked at once for ever", () => {
  const { reflector } = watching();
  const waits: number[] = [];
  for (let round = 0; round < 3; round++) {
    reflector.ended({ how: "finished", livedMs: 5 });
    const step = reflector.next();
    if (step.do === "wait") waits.push(step.delayMs);
    assert.equal(watchVersion(reflector), "10");
    reflector.opened();
  }
  assert.deepEqual(waits, [250, 500, 1000]);
  reflector.ended({ how: "finished", livedMs: 240_000 });
  assert.equal(reflector.next().do, "watch");
});

Deno.test("410 leads to a new list at once, as status and as event; again and again it waits", () => {
  const asEvent = watching();
  const error = { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } };
  assert.equal(asEvent.reflector.event(error), "close");
  assert.equal(asEvent.reflector.next().do, "list");
  const { reflector, told } = watching();
  reflector.notOpened(refused(410));
  assert.equal(reflector.next().do, "list");
  reflector.listed(page(["a"], "30"));
  assert.equal(watchVersion(reflector), "30");
  reflector.notOpened(refused(410));
  assert.deepEqual(reflector.next(), { do: "wait", delayMs: 500 });
  assert.equal(reflector.next().do, "list");
  assert.deepEqual(told.lines, ["listed a=", "following", "listed a="]);
});

Deno.test("429 waits for as long as the server asks, within reason", () => {
  const { reflector } = watching();
  reflector.notOpened(refused(429, { retryAfterMs: 3000 }));
  assert.deepEqual(reflector.next(), { do: "wait", delayMs: 3500 });
  assert.equal(watchVersion(reflector), "10");
  reflector.notOpened(refused(429, { retryAfterMs: 900_000_000 }));
  assert.deepEqual(reflector.next(), { do: "wait", delayMs: 60_500 });
});

Deno.test("Without permission it asks rarely, and says so", () => {
  const { reflector, told } = begin();
  const waits: unknown[] = [];
  for (let round = 0; round < 7; round++) {
    reflector.listed(refused(403, { reason: "Forbidden", message: "leases is forbidden" }));
    const step = reflector.next();
    waits.push(step.do === "wait" ? step.delayMs : step.do);
  }
  // A server that has just started knows no roles yet.
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 30_000]);
  assert.deepEqual(told.causes, ["403 Forbidden leases is forbidden"]);
});

Deno.test("A server that is away is asked less and less; the version is kept", () => {
  const { reflector, told } = watching();
  const waits: number[] = [];
  for (let round = 0; round < 8; round++) {
    reflector.notOpened(LOST);
    const step = reflector.next();
    if (step.do === "wait") waits.push(step.delayMs);
    assert.equal(watchVersion(reflector), "10");
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  reflector.opened();
  assert.deepEqual(told.lines, ["listed a=", "following", "broken", "following"]);
});

Deno.test("A version the server cannot serve is given up after three times, a malformed one at once", () => {
  const { reflector } = watching();
  for (const expected of ["watch", "watch", "list"]) {
    reflector.notOpened(refused(504, { reason: "Timeout" }));
    assert.equal(reflector.next().do, "wait");
    assert.equal(reflector.next().do, expected);
  }
  const other = watching();
  other.reflector.notOpened(refused(400));
  assert.equal(other.reflector.next().do, "wait");
  assert.equal(other.reflector.next().do, "list");
});

Deno.test("A version from which nothing is ever heard is given up after three silences", () => {
  const { reflector } = watching();
  for (const expected of ["watch", "watch", "list"]) {
    reflector.opened();
    reflector.ended({ how: "silent", livedMs: 90_000, cause: "silent" });
    assert.equal(reflector.next().do, expected);
  }
  reflector.listed(page(["a"], "5"));
  assert.equal(watchVersion(reflector), "5");
  for (let round = 0; round < 5; round++) {
    reflector.opened();
    reflector.event(event("BOOKMARK", "", "5"));
    reflector.ended({ how: "silent", livedMs: 90_000, cause: "silent" });
    assert.equal(reflector.next().do, "watch");
  }
});

Deno.test("What cannot be read is not read again from the same place", () => {
  const malformed = [null, "text", {}, { type: "ADDED" }, { type: "ADDED", object: {} }, event("RENAMED", "a", "11"), {
    type: "ADDED",
    object: { metadata: { resourceVersion: 11 } },
  }];
  for (const bad of malformed) {
    const { reflector, told } = watching();
    assert.equal(reflector.event(bad), "close", JSON.stringify(bad));
    assert.deepEqual(told.lines, ["listed a=", "following", "broken"]);
    assert.equal(reflector.next().do, "wait");
    assert.equal(reflector.next().do, "list");
  }
  const { reflector } = watching();
  reflector.ended({ how: "unreadable", livedMs: 10, cause: "too long" });
  assert.equal(reflector.next().do, "wait");
  assert.equal(reflector.next().do, "list");
});

Deno.test("Other error events are failures of the server", () => {
  const { reflector, told } = watching();
  const error = { type: "ERROR", object: { code: 500, reason: "InternalError", message: "etcd" } };
  assert.equal(reflector.event(error), "close");
  assert.deepEqual(told.causes, ["", "500 InternalError etcd"]);
  assert.equal(reflector.next().do, "wait");
  assert.equal(watchVersion(reflector), "10");
});
