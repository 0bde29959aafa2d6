import assert from "node:assert/strict";
import type { ConnectionTools } from "../../../mod/balance/kernel/connections.ts";
import { KernelEngine, type KernelEngineOptions, type KernelParts } from "../../../mod/balance/kernel/kernel_engine.ts";
import type { BalanceTables } from "../../../mod/balance/kernel/kernel_table.ts";
import { Errno, SysError } from "../../../mod/linux/errno.ts";
import { ForwardingKey } from "../../../mod/linux/sysctl_keeper.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { tcpConfig } from "../kit.ts";
import { WEB } from "./services.ts";

const REMOTE = tcpConfig([], {
  engine: "kernel",
  bindToVip: true,
  backends: [{ address: "10.0.0.2", port: 80, weight: 1 }],
});

interface Seen {
  forwarding: string;
  opened: number;
  closed: number;
}

function engine(seen: Seen, changes: Partial<KernelEngineOptions> = {}): KernelEngine {
  const closing = { close: () => void seen.closed++ };
  const slices = { total: () => 0, forEach: () => Promise.resolve(), delete: () => "absent" as const };
  const clock = new VirtualClock();
  const nothing = (): never[] => [];
  const dumps = { tables: nothing, chains: nothing, rules: nothing, sets: nothing, elements: nothing };
  return new KernelEngine({
    clock,
    vips: ["10.0.0.9"],
    openTables: (): BalanceTables => ({ commit: () => {}, generation: () => 1, ...dumps, close: () => {} }),
    openTools: (): ConnectionTools => {
      seen.opened++;
      return {
        list: { list: nothing, ...closing },
        slices: { ...slices, close: () => Promise.resolve(closing.close()) },
        raw: null,
        clock,
        pause: () => {},
        localAddresses: nothing,
      };
    },
    sysctls: {
      read: () => seen.forwarding,
      keeper: {
        ensureForwarding: () => {
          const change = { key: ForwardingKey.ipv4, before: seen.forwarding, after: "1" };
          seen.forwarding = "1";
          return [{ outcome: "changed", change }];
        },
        restore: (isDue = () => true) => {
          if (isDue(ForwardingKey.ipv4)) seen.forwarding = "0";
          return [];
        },
      },
    },
    linkNames: () => ["eth0"],
    localAddresses: () => ["10.0.0.1"],
    ...changes,
  });
}

Deno.test("an engine that is named sets what it needs, opens its parts once, and gives all back", async () => {
  const seen: Seen = { forwarding: "0", opened: 0, closed: 0 };
  const kernel = engine(seen);
  kernel.released("10.0.0.9");
  const offer = kernel.offer(REMOTE, true);
  assert.ok(offer.outcome === "takes");
  let released = "";
  offer.parts.connections.released = (ip) => void (released += ip);
  kernel.released("10.0.0.9");
  assert.equal(released, "10.0.0.9");
  assert.equal(kernel.offer({ ...REMOTE, port: 81 }, true).outcome, "takes");
  assert.deepEqual(seen, { forwarding: "1", opened: 1, closed: 0 });
  await kernel.close();
  assert.deepEqual(seen, { forwarding: "0", opened: 1, closed: 2 });
});

Deno.test("an engine that rests gives the settings back and keeps its parts for the next balancer", async () => {
  const seen: Seen = { forwarding: "0", opened: 0, closed: 0 };
  const kernel = engine(seen);
  kernel.rest();
  for (let round = 0; round < 2; round++) {
    assert.equal(kernel.offer(REMOTE, true).outcome, "takes");
    assert.deepEqual(seen, { forwarding: "1", opened: 1, closed: 0 });
    kernel.rest();
    assert.deepEqual(seen, { forwarding: "0", opened: 1, closed: 0 });
  }
  await kernel.close();
});

Deno.test("settings are kept for what is reached, and for what was left behind", async () => {
  const seen: Seen = { forwarding: "0", opened: 0, closed: 0 };
  const kernel = engine(seen);
  kernel.keepFor([]);
  const keep = (addresses: readonly string[]): string => {
    const offer = kernel.offer(REMOTE, true);
    assert.ok(offer.outcome === "takes");
    kernel.keepFor(addresses);
    return seen.forwarding;
  };
  assert.equal(keep(["10.0.0.1", "10.0.0.2"]), "1");
  assert.equal(keep(["10.0.0.1", "127.0.0.1", "fd00::2"]), "0", "this machine is reached without, and IPv6 by another");
  assert.equal(keep([]), "0");
  const { parts } = kernel.offer(REMOTE, true) as { parts: KernelParts };
  parts.connections.leave({ ...WEB, backends: [{ address: "10.0.0.2", port: 80, weight: 1, usable: true }] });
  assert.equal(keep([]), "1");
  await kernel.close();
});

Deno.test("an engine that may be chosen changes no setting", () => {
  const seen: Seen = { forwarding: "0", opened: 0, closed: 0 };
  const health = {
    type: "tcp",
    path: "/",
    expectMin: 200,
    expectMax: 399,
    intervalMs: 1,
    timeoutMs: 1,
    rise: 1,
    fall: 1,
  } as const;
  const auto = { ...REMOTE, engine: "auto", health } as const;
  const offer = engine(seen).offer(auto, false);
  assert.match(offer.outcome === "declines" ? offer.why : "", /does not forward IPv4/);
  assert.deepEqual(seen, { forwarding: "0", opened: 0, closed: 0 });
  seen.forwarding = "1";
  assert.equal(engine(seen).offer(auto, false).outcome, "takes");
});

Deno.test("what the kernel lacks is said", () => {
  const seen: Seen = { forwarding: "1", opened: 0, closed: 0 };
  const lacking = engine(seen, {
    openTables: () => {
      throw new SysError("open socket", Errno.EPROTONOSUPPORT);
    },
  });
  const offer = lacking.offer(REMOTE, true);
  assert.match(offer.outcome === "declines" ? offer.why : "", /nftables cannot balance.*EPROTONOSUPPORT/);
});

Deno.test("more than fits into the kernel's table is declined", () => {
  const many = Array.from({ length: 256 }, (_, index) => ({ address: `10.0.1.${index}`, port: 80, weight: 1 + index }));
  const kernel = engine({ forwarding: "1", opened: 0, closed: 0 });
  const parts = kernel.offer(REMOTE, true);
  assert.ok(parts.outcome === "takes");
  for (let port = 1; port <= 3; port++) {
    const offer = kernel.offer({ ...REMOTE, backends: many, port }, true);
    if (port === 3) return assert.match(offer.outcome === "declines" ? offer.why : "", /too many backends/);
    assert.equal(offer.outcome, "takes");
    const backends = many.map((one) => ({ ...one, usable: true }));
    const how = { vips: [], affinity: "none", preserveClientAddress: false, backends } as const;
    parts.parts.table.put({ protocol: "tcp", port, ...how });
    const again = kernel.offer({ ...REMOTE, backends: many.slice(1), port }, true);
    assert.equal(again.outcome, "takes", "in place of what it has, which is more");
  }
});
