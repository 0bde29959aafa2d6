import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { type BalanceTables, KernelTable } from "../../../mod/balance/kernel/kernel_table.ts";
import { BALANCE, counterOf } from "../../../mod/balance/kernel/words.ts";
import { Errno, SysError } from "../../../mod/linux/errno.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import type { ElementRecord } from "../../../mod/net/netlink/nft_dump.ts";
import { NftKey } from "../../../mod/net/netlink/nft_numbers.ts";
import { addTable, deleteRules, deleteTable } from "../../../mod/net/netlink/nftables.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { eventually } from "../kit.ts";
import { NAMES, WEB, without } from "./services.ts";

const OTHERS = { family: "inet", table: "others" } as const;

interface World {
  /** Somebody else's socket in the same namespace. */
  readonly other: NftSocket;
  readonly table: KernelTable;
  readonly open: () => NftSocket;
}

async function inWorld(own: "where-possible" | "never", use: (world: World) => void | Promise<void>): Promise<void> {
  const namespace = Namespace.create();
  const open = (): NftSocket => namespace.run(() => new NftSocket());
  const other = open();
  const table = new KernelTable({ open, clock: systemClock, own });
  try {
    await use({ other, table, open });
  } finally {
    table.close();
    other.close();
    namespace.close();
  }
}

const names = (socket: NftSocket): string[] => socket.tables().map(({ table }) => table).sort();

privileged(
  "the probe leaves nothing behind; the table goes with the end, and other tables are not touched",
  async () => {
    await inWorld("where-possible", ({ other, table }) => {
      other.commit([addTable(OTHERS)]);
      assert.deepEqual(table.probe(), { outcome: "works" });
      assert.deepEqual(names(other), ["others"]);
      table.put(WEB);
      assert.deepEqual(names(other), ["kube-vip-balance", "others"]);
      table.remove(WEB);
      assert.deepEqual(names(other), ["kube-vip-balance", "others"], "connections that stand need its chains");
      table.close();
      table.close();
      assert.deepEqual(names(other), ["others"]);
    });
  },
);

privileged(
  "a table that was cleared is gone, and comes back with the next service, as much ours as before",
  async () => {
    await inWorld("where-possible", ({ other, table }) => {
      table.probe();
      for (let round = 0; round < 3; round++) {
        table.put(WEB);
        table.put(NAMES);
        assert.deepEqual(names(other), ["kube-vip-balance"]);
        assert.throws(() => other.commit([deleteTable(BALANCE)]), (error: SysError) => error.errno === Errno.EPERM);
        assert.deepEqual(table.counts(WEB).map(({ connections }) => connections), [0, 0, 0]);
        table.clear();
        table.clear();
        assert.deepEqual(names(other), []);
      }
    });
  },
);

privileged("nobody else can change an owned table, and it ends with its process", async () => {
  await inWorld("where-possible", ({ other, table, open }) => {
    table.probe();
    table.put(WEB);
    assert.throws(() => other.commit([deleteTable(BALANCE)]), (error: SysError) => error.errno === Errno.EPERM);
    const second = new KernelTable({ open, clock: systemClock });
    const probe = second.probe();
    assert.equal(probe.outcome, "lacking");
    assert.match(probe.outcome === "lacking" ? probe.why : "", /belongs to another process/);
  });
});

privileged("a table that may be flushed is back soon, with everything in it", async () => {
  await inWorld("never", async ({ other, table }) => {
    table.probe();
    table.put(WEB);
    table.put(NAMES);
    for (let round = 0; round < 3; round++) {
      other.commit([deleteTable(BALANCE)]);
      const fromMs = performance.now();
      await eventually(() => names(other).length > 0, "the table is back");
      // Looked for every 30 ms, so back within 100; a busy machine gets ten times that.
      assert.ok(performance.now() - fromMs < 1000, `${performance.now() - fromMs} ms`);
      assert.equal(other.rules(BALANCE).filter(({ chain }) => /^(tcp80|udp53)_[46]$/.test(chain)).length, 4);
    }
  });
});

privileged("a rule that somebody removed is back after the second comparison", async () => {
  await inWorld("never", async ({ other, table }) => {
    table.probe();
    table.put(WEB);
    await new Promise((resolve) => setTimeout(resolve, 2200));
    other.commit([deleteRules({ ...BALANCE, chain: "dispatch" })]);
    await eventually(() => other.rules(BALANCE).some(({ chain }) => chain === "dispatch"), "the rules are back");
  });
});

privileged("a change of a table that is gone builds it anew", async () => {
  await inWorld("never", ({ other, table }) => {
    table.probe();
    table.put(WEB);
    other.commit([deleteTable(BALANCE)]);
    table.put(without(WEB, 0));
    assert.equal(other.rules(BALANCE).some(({ chain }) => chain === "tcp80_4"), true);
  });
});

privileged("an address comes and goes for every bound service in one step", async () => {
  await inWorld("where-possible", ({ other, table }) => {
    table.probe();
    table.put({ ...WEB, vips: [] });
    table.put({ ...WEB, port: 81, vips: [] });
    table.put(NAMES);
    const entrances = (): number => other.elements({ ...BALANCE, set: "services4" }).length;
    const before = other.generation();
    table.holdAddress("10.0.0.9");
    assert.equal(other.generation(), before + 1);
    assert.equal(entrances(), 2);
    table.holdAddress("10.0.0.9");
    assert.equal(other.generation(), before + 1, "what is there already is no change");
    table.releaseAddress("10.0.0.9");
    assert.equal(entrances(), 0);
  });
});

/** Refuses everything for a while. */
class Refusing {
  commits = 0;
  refusal: SysError | null = null;
  /** What it does not know at all. */
  lacks = "";
  last: readonly string[] = [];
  lists = 0;
  /** In each of its sets. */
  elements: readonly ElementRecord[] = [];

  open(): BalanceTables {
    const nothing = (): never[] => [];
    return {
      commit: (messages) => {
        this.commits++;
        this.last = messages.map(({ op }) => op);
        if (this.last.includes(this.lacks)) throw new SysError(this.lacks, Errno.EOPNOTSUPP);
        if (this.refusal !== null) throw this.refusal;
      },
      generation: () => 1,
      tables: nothing,
      chains: nothing,
      rules: nothing,
      sets: nothing,
      elements: () => {
        this.lists++;
        return [...this.elements];
      },
      close: () => {},
    };
  }
}

Deno.test("what the kernel refuses is tried again until it takes it", () => {
  const clock = new VirtualClock();
  const kernel = new Refusing();
  const table = new KernelTable({ open: () => kernel.open(), clock });
  kernel.refusal = new SysError("add table", Errno.ENOMEM);
  table.put(WEB);
  assert.equal(kernel.commits, 1);
  clock.advance(1000);
  assert.equal(kernel.commits, 2);
  kernel.refusal = null;
  clock.advance(1000);
  assert.equal(kernel.commits, 3);
  clock.advance(60_000);
  assert.equal(kernel.commits, 3, "it has been taken");
  table.close();
});

Deno.test("what was counted is not lost while the kernel refuses, nor when the table is built anew after it", () => {
  const clock = new VirtualClock();
  const kernel = new Refusing();
  const table = new KernelTable({ open: () => kernel.open(), clock });
  const [first] = WEB.backends;
  assert.ok(first !== undefined);
  const connections = (): number | undefined => table.counts(WEB)[0]?.connections;
  table.put(WEB);
  const { key } = counterOf(WEB, first);
  kernel.elements = [{ key, expiresInMs: Infinity, counted: { packets: 3, bytes: 0 } }];
  assert.equal(connections(), 3);
  kernel.refusal = new SysError("add element", Errno.ENOMEM);
  table.put({ ...WEB, backends: [first] });
  assert.equal(connections(), 3);
  const builds = table.builds;
  kernel.refusal = null;
  kernel.elements = [];
  clock.advance(1000);
  assert.deepEqual([connections(), table.builds], [3, builds + 1]);
  table.close();
});

Deno.test("what was counted is read once for all services that are asked for in one turn, and anew after a change", async () => {
  const kernel = new Refusing();
  const table = new KernelTable({ open: () => kernel.open(), clock: new VirtualClock() });
  table.probe();
  const services = [80, 81, 82].map((port) => ({ ...WEB, port }));
  for (const service of services) table.put(service);
  const { key } = counterOf(WEB, WEB.backends[0] ?? assert.fail());
  const connections = (): number[] =>
    services.map((service) => table.counts(service).reduce((sum, one) => sum + one.connections, 0));
  const used = (): boolean[] => services.map((service) => table.wasUsed(service));
  assert.deepEqual([connections(), used(), kernel.lists], [[0, 0, 0], [false, false, false], 4]);
  kernel.elements = [{ key, expiresInMs: Infinity, counted: { packets: 2, bytes: 9 } }];
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual([connections(), used(), kernel.lists], [[2, 0, 0], [true, false, false], 8]);
  table.put(without(WEB, 1));
  assert.deepEqual(table.wasUsed(WEB), true);
  assert.equal(kernel.lists, 9);
  table.close();
});

Deno.test("a list that is wrong once, as it may be while the kernel makes room for a set, is nobody's change", () => {
  const element = (key: number): ElementRecord => ({ key: Uint8Array.of(key), expiresInMs: Infinity });
  const [right, wrong] = [[element(1), element(2)], [element(1), element(1)]];
  const lists: ElementRecord[][] = [];
  const clock = new VirtualClock();
  let [generation, listed] = [0, 0];
  const kernel = new Refusing();
  const table = new KernelTable({
    clock,
    own: "never",
    open: () => ({
      ...kernel.open(),
      generation: () => ++generation,
      tables: () => [{ ...BALANCE, flags: 0 }],
      sets: () => [{ ...BALANCE, set: "new4", key: NftKey.mark, flags: 0 }],
      elements: () => lists[listed++] ?? right,
    }),
  });
  table.probe();
  table.put(WEB);
  for (const seen of [[wrong, right], [right, right], [wrong, right], [right], [wrong, wrong]]) {
    const { builds } = table;
    [listed, lists.length] = [0, 0];
    lists.push(...seen);
    clock.advance(2100);
    const isChange = seen[0] === wrong && seen[1] === wrong;
    assert.deepEqual(
      [listed >= seen.length, table.builds - builds],
      [true, isChange ? 1 : 0],
      String(seen.map(String)),
    );
  }
  table.close();
});

Deno.test("a kernel that lacks something is told from one that works", () => {
  const kernel = new Refusing();
  kernel.refusal = new SysError("add chain", Errno.EOPNOTSUPP);
  const probe = new KernelTable({ open: () => kernel.open(), clock: new VirtualClock() }).probe();
  assert.equal(probe.outcome, "lacking");
  assert.equal(kernel.commits, 4, "with and without ownership and time-outs");
});

privileged("a table that is another process's is lacking until that is gone, and stays as it is", async () => {
  await inWorld("where-possible", ({ other, table, open }) => {
    const theirs = new KernelTable({ open, clock: systemClock });
    assert.equal(theirs.probe().outcome, "works");
    theirs.put(WEB);
    for (let times = 0; times < 2; times++) {
      const probe = table.probe();
      assert.match(probe.outcome === "lacking" ? probe.why : "", /belongs to another process/);
    }
    assert.ok(other.sets(BALANCE).length > 0);
    theirs.close();
    assert.deepEqual(table.probe(), { outcome: "works" });
    table.put(WEB);
    assert.deepEqual(names(other), ["kube-vip-balance"]);
  });
});

Deno.test("a kernel without time-outs for single connections balances with those of the machine", () => {
  const kernel = new Refusing();
  const table = new KernelTable({ open: () => kernel.open(), clock: new VirtualClock() });
  kernel.lacks = "add ct timeout";
  assert.equal(table.probe().outcome, "works");
  table.put(WEB);
  assert.ok(kernel.last.includes("add rule"), kernel.last.join());
  assert.equal(kernel.commits, 3, "refused, taken, and the table itself");
  table.close();
});
