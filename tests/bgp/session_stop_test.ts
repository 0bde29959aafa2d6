import assert from "node:assert/strict";
import { configure, reset } from "@kube-vip/log";
import type { LinkPeers, Lookup } from "../../mod/bgp/session_options.ts";
import { encodeMessage } from "../../mod/net/bgp/message.ts";
import { answer, cease, finish, KEEPALIVE, type Pair, pair, ROUTER, routerOpen, upPair } from "./session_kit.ts";

/** Ways into each state. */
const STATES: readonly [string, (both: Pair) => void, string[]][] = [
  ["new", () => {}, []],
  ["connect", ({ node, network }) => {
    network.weather = "silent";
    node.session.start();
  }, []],
  ["waiting between attempts", ({ node, network, clock }) => {
    network.weather = "refusing";
    node.session.start();
    clock.advance(10);
  }, []],
  ["open-sent", ({ node, clock }) => {
    node.session.start();
    clock.advance(5);
  }, ["open", "notification 6/2"]],
  ["open-confirm", ({ node, clock, router }) => {
    node.session.start();
    clock.advance(5);
    router.wire.say(routerOpen());
    clock.advance(5);
  }, ["open", "keepalive", "notification 6/2"]],
  ["established", (both) => {
    both.node.session.start();
    answer(both);
  }, ["open", "keepalive", "notification 6/2"]],
];

Deno.test("stop ends every state for good, telling those who listen", async () => {
  for (const [what, enter, heard] of STATES) {
    const both = pair();
    enter(both);
    const { clock, network, node, router } = both;
    const stopped = node.session.stop({ is: "shutdown", text: "bye" });
    assert.equal(node.session.stop({ is: "deconfigured" }), stopped, "a second stop is the first");
    clock.advance(5);
    await stopped;
    assert.deepEqual(router.wires.at(-1)?.kinds ?? [], heard, what);
    assert.equal(clock.pending, 0, what);
    node.session.start();
    node.session.restart({ is: "config-change" });
    node.session.pathDown();
    node.session.pathUp();
    clock.advance(60_000);
    assert.deepEqual([node.state, network.ends.size, network.requests.length <= 1], ["idle", 0, true], what);
  }
});

Deno.test("stop sends what is queued first, with its text for the other side's log (RFC 9003)", async () => {
  const both = upPair();
  both.node.session.send([encodeMessage("update", [0, 0, 0, 0])]);
  const stopped = both.node.session.stop({ is: "shutdown", text: "node is drained" });
  both.clock.advance(5);
  await stopped;
  assert.deepEqual(both.router.wire.kinds.slice(2), ["update", "notification 6/2"]);
  const last = both.router.wire.heard.at(-1);
  assert(last?.is === "notification");
  assert.equal(new TextDecoder().decode(last.data.subarray(1)), "node is drained");
  assert.deepEqual(both.node.told, ["established", "ended"]);
});

Deno.test("stop waits two seconds at most for a peer that reads nothing", async () => {
  const both = upPair();
  both.network.deaf.add(ROUTER);
  both.node.session.send([encodeMessage("update", [0, 0, 0, 0])]);
  let isOver = false;
  const stopped = both.node.session.stop({ is: "deconfigured" }).then(() => void (isOver = true));
  both.clock.advance(5);
  await Promise.resolve();
  assert.equal(isOver, false);
  for (let i = 0; i < 210; i += 1) {
    both.clock.advance(10);
    await Promise.resolve();
    await Promise.resolve();
  }
  await stopped;
  assert.deepEqual([both.clock.pending, both.network.ends.size], [0, 0]);
});

Deno.test("each way to end a session has its subcode (RFC 4486 §4, RFC 9384 §3)", async () => {
  const cases = [
    [{ is: "shutdown", text: "" }, "notification 6/2"],
    [{ is: "deconfigured" }, "notification 6/3"],
    [{ is: "reset", text: "" }, "notification 6/4"],
    [{ is: "config-change" }, "notification 6/6"],
    [{ is: "bfd-down" }, "notification 6/10"],
  ] as const;
  for (const [cause, heard] of cases) {
    const both = upPair();
    const stopped = both.node.session.stop(cause);
    both.clock.advance(5);
    await stopped;
    assert.equal(both.router.wire.kinds.at(-1), heard);
  }
});

Deno.test("the owner may end or restart the session in the very call that tells of it", async () => {
  for (const when of ["up", "down"] as const) {
    for (const how of ["stop", "restart", "pathDown"] as const) {
      const both = pair();
      const { clock, network, node, router } = both;
      const stops: Promise<void>[] = [];
      node.onChange = (what) => {
        if (what !== when || node.ends.length > 1) return;
        if (how === "stop") stops.push(node.session.stop({ is: "deconfigured" }));
        else if (how === "restart") node.session.restart({ is: "config-change" });
        else node.session.pathDown();
      };
      node.session.start();
      clock.advance(5);
      router.wire.say(routerOpen(), KEEPALIVE, KEEPALIVE);
      clock.advance(5);
      if (when === "down") router.wire.say(cease(2));
      clock.advance(1100);
      assert.equal(node.ends.length, 1, `${how} when ${when}`);
      assert.equal(network.requests.length, how === "restart" ? 2 : 1, `${how} when ${when}`);
      await Promise.all(stops);
      await finish(both);
    }
  }
});

Deno.test("a path that is down ends the session at once, and nobody connects until it is up", async () => {
  const both = upPair({ listens: true });
  const { clock, network, node, router } = both;
  node.session.pathDown();
  node.session.pathDown();
  clock.advance(2);
  assert.equal(router.wire.kinds.at(-1), "notification 6/10");
  assert.deepEqual([node.told, node.state], [["established", "ended"], "idle"]);
  const refused = router.connect();
  clock.advance(60_000);
  assert.deepEqual([network.requests.length, refused.closed], [2, "connection reset by the peer"]);
  node.session.pathUp();
  assert.equal(network.requests.length, 3, "at once");
  answer(both);
  node.session.pathUp();
  assert.equal(node.state, "established", "an answer that is no news changes nothing");
  await finish(both);
});

Deno.test("a path that is down before the start delays it", async () => {
  const both = pair();
  both.node.session.pathDown();
  both.node.session.start();
  both.clock.advance(5000);
  assert.equal(both.network.requests.length, 0);
  both.node.session.pathUp();
  answer(both);
  await finish(both);
});

Deno.test("a router that appears on the link is called at once", async () => {
  let router: string | null = null;
  let changed = (): void => {};
  const linkPeers: LinkPeers = {
    peer: () => router,
    onChange: (listener) => {
      changed = listener;
      return () => {
        changed = () => assert.fail("nobody listens any more");
      };
    },
  };
  const both = pair({ linkPeers, peer: { address: { is: "unnumbered", interface: "eth1" }, as: null } });
  both.node.session.start();
  both.clock.advance(100);
  assert.equal(both.node.session.report().lastError, "no router has been seen on eth1");
  router = "192.0.2.254";
  changed();
  assert.equal(both.network.requests.length, 1);
  answer(both);
  changed();
  assert.equal(both.node.state, "established");
  await finish(both);
});

Deno.test("an address that is found too late is not used", async () => {
  let found: (addresses: readonly string[]) => void = () => {};
  const lookup: Lookup = () => new Promise((resolve) => void (found = resolve));
  const both = pair({ lookup, peer: { address: { is: "name", host: "router.example" } } });
  both.node.session.start();
  both.clock.advance(3000);
  assert.match(both.node.session.report().lastError ?? "", /^no answer from the name service, about "router.example"$/);
  both.node.session.pathDown();
  found(["192.0.2.254"]);
  await Promise.resolve();
  both.clock.advance(2);
  assert.equal(both.network.ends.size, 0);
  await finish(both);
});

Deno.test("an attempt has its whole time once the address is found", async () => {
  let found: (addresses: readonly string[]) => void = () => {};
  const lookup: Lookup = () => new Promise((resolve) => void (found = resolve));
  const both = pair({ lookup, peer: { address: { is: "name", host: "router.example" } } });
  both.network.weather = "silent";
  both.node.session.start();
  both.clock.advance(740);
  found(["192.0.2.254"]);
  await Promise.resolve();
  both.clock.advance(740);
  assert.equal(both.node.session.report().lastError, null);
  both.clock.advance(300);
  assert.equal(both.node.session.report().lastError, "no answer from 192.0.2.254");
  await finish(both);
});

Deno.test("the log tells changes only, in words, and never a password", async () => {
  const lines: string[] = [];
  await configure({
    sinks: {
      memory: ({ level, message, properties }) => void lines.push(`${level}: ${message.join("")} ${properties.why}`),
    },
    loggers: [{ category: ["kube-vip"], sinks: ["memory"] }, { category: ["logtape", "meta"], sinks: [] }],
  });
  const both = pair({ peer: { password: "hunter2" } });
  both.network.weather = "refusing";
  both.node.session.start();
  both.clock.advance(20_000);
  both.network.weather = "clear";
  both.clock.advance(1100);
  both.router.wire.say(routerOpen(), KEEPALIVE);
  both.clock.advance(5);
  both.router.wire.say(cease(4));
  both.clock.advance(5);
  both.network.weather = "refusing";
  both.clock.advance(5000);
  await finish(both);
  await reset();
  assert.deepEqual(lines, [
    "warning: a BGP connection has failed connection refused",
    "info: a BGP session is up undefined",
    "warning: a BGP session has ended ended by the peer: Cease: administrative reset",
    "warning: a BGP connection has failed connection refused",
  ]);
});
