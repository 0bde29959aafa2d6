import assert from "node:assert/strict";
import { kernelContract } from "../contracts/kernel.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { SlowTables } from "../fakes/nft_tables.ts";
import { privileged } from "../fakes/privileges.ts";
import { Errno, SysError } from "../../mod/linux/errno.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { attribute } from "../../mod/net/netlink/attribute.ts";
import { be32, concat } from "../../mod/net/netlink/bytes.ts";
import { TableAttribute } from "../../mod/net/netlink/nft_numbers.ts";
import { addTable, deleteTable } from "../../mod/net/netlink/nftables.ts";
import { PreparedBatch } from "../../mod/net/netlink/prepared_batch.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { NetlinkAddressBook } from "../../mod/vip/netlink_book.ts";
import { changeGuard, GUARD_FAMILIES, GUARD_TABLE, type Guarded } from "../../mod/vip/guard.ts";
import { PermissionUnavailable } from "../../mod/vip/kernel.ts";
import { NftPermission } from "../../mod/vip/nft_permission.ts";
import { CabledMachine } from "./machine.ts";

const V4 = "10.98.0.200";
const VIP = { ip: V4, linkName: "eth0" };
const OTHER = { ip: "10.98.0.201", linkName: "eth0" };
const LEASE_MS = 200;
/** As far as an element may outlive its deadline. */
const LATE_MS = 5;

kernelContract("real kernel", () => {
  const cabled = new CabledMachine();
  return {
    book: new NetlinkAddressBook(cabled.routes),
    permission: new NftPermission(cabled.nft, systemClock),
    linkIndex: cabled.link.index,
    answers: (ip) => cabled.answers(ip),
    now: () => systemClock.now(),
    wait: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
    flushRules: () => cabled.flushRules(),
    close: () => cabled.close(),
  };
}, privileged);

function bench(): { clock: VirtualClock; tables: SlowTables; permission: NftPermission } {
  const clock = new VirtualClock();
  const tables = new SlowTables(clock);
  const permission = new NftPermission(tables, clock);
  permission.install([VIP]);
  return { clock, tables, permission };
}

/** When the address stops answering, counted from its deadline. */
function beyond(
  steps: readonly { readonly tookMs: number; readonly overtaken?: true }[],
): { ms: number; error: string } {
  const { clock, tables, permission } = bench();
  const validUntilMs = clock.now() + LEASE_MS;
  tables.steps = [...steps];
  let error = "";
  try {
    permission.allow([{ ip: V4, validUntilMs }]);
  } catch (cause) {
    error = String(cause);
  }
  return { ms: tables.endsMs(V4) - validUntilMs, error };
}

Deno.test("a commit that takes long gives no time after the deadline, and costs none before it when the next is quick", () => {
  for (const tookMs of [0, 3, 6, 40, 100, 180]) {
    const { ms, error } = beyond([{ tookMs }]);
    assert.equal(error, "");
    assert.ok(ms <= LATE_MS && ms > -1, `${tookMs} ms: ends ${ms} ms after the deadline`);
  }
});

Deno.test("a commit that ends after the deadline leaves the address silent", () => {
  for (const tookMs of [200, 230, 1000]) {
    const { ms, error } = beyond([{ tookMs }]);
    assert.equal(error, "");
    assert.equal(ms, -Infinity, `${tookMs} ms`);
  }
});

Deno.test("commits that all take long are allowed for", () => {
  const steps = Array.from({ length: 9 }, () => ({ tookMs: 40 }));
  const { ms, error } = beyond(steps);
  assert.equal(error, "");
  assert.ok(ms <= LATE_MS && ms > -LATE_MS, `${ms} ms`);
});

Deno.test("a renewal that somebody's commit overtakes is tried again with the time that is left", () => {
  for (const overtaken of [1, 2, 3, 4]) {
    const steps = Array.from({ length: overtaken }, () => ({ tookMs: 30, overtaken: true as const }));
    const { ms, error } = beyond(steps);
    assert.equal(error, "");
    assert.ok(ms <= LATE_MS && ms > -1, `overtaken ${overtaken} times: ends ${ms} ms after the deadline`);
  }
});

Deno.test("a kernel whose commits take longer and longer denies the address, and says so", () => {
  const { ms, error } = beyond([{ tookMs: 10 }, { tookMs: 20 }, { tookMs: 60 }]);
  assert.match(error, /ETIMEDOUT/);
  assert.equal(ms, -Infinity);
});

Deno.test("whatever commits take, nothing answers after its deadline", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  for (let round = 0; round < 500; round++) {
    const steps = Array.from({ length: 8 }, () => ({
      tookMs: next(2) === 0 ? next(5) : next(300),
      ...(next(3) === 0 ? { overtaken: true as const } : {}),
    }));
    const { ms } = beyond(steps);
    assert.ok(ms <= LATE_MS, `seed ${seed}, round ${round}: ends ${ms} ms late after ${JSON.stringify(steps)}`);
  }
});

Deno.test("a kernel without nftables, or without a part of it, is told from one that refuses", () => {
  const clock = new VirtualClock();
  for (const errno of [Errno.EOPNOTSUPP, Errno.ENOENT, Errno.EAFNOSUPPORT, Errno.EPERM, Errno.ENOMEM, Errno.EINVAL]) {
    const tables = new SlowTables(clock);
    tables.refusal = new SysError("add chain", errno, { subject: "inet kube-vip input" });
    const isLack = errno !== Errno.EPERM && errno !== Errno.ENOMEM && errno !== Errno.EINVAL;
    assert.throws(
      () => new NftPermission(tables, clock).install([VIP]),
      (error) => error instanceof PermissionUnavailable === isLack,
      tables.refusal.code,
    );
  }
});

Deno.test("addresses change in one commit that leaves the live ones alone, however often others come first", () => {
  for (const overtaken of [0, 1, 2, 3, 4]) {
    const { clock, tables, permission } = bench();
    const live = [{ ip: V4, validUntilMs: clock.now() + LEASE_MS }];
    permission.allow(live);
    tables.steps = Array.from({ length: overtaken }, () => ({ tookMs: 1, overtaken: true as const }));
    const outcome = permission.manage([VIP, OTHER], live);
    assert.equal(outcome, overtaken < 3 ? "changed" : "rebuilt", `${overtaken} times`);
    assert.ok(Math.abs(tables.endsMs(V4) - clock.now() - LEASE_MS) <= LATE_MS);
    assert.equal(tables.endsMs(OTHER.ip), -Infinity);
    assert.equal(permission.verify(live), "whole");
    permission.allow([{ ip: OTHER.ip, validUntilMs: clock.now() + LEASE_MS }]);
    assert.equal(permission.manage([VIP], live), "changed");
    assert.equal(tables.endsMs(OTHER.ip), -Infinity);
  }
});

Deno.test("a change that the kernel refuses is made good by the next look, and by the next renewal", () => {
  for (const mend of ["verify", "allow"] as const) {
    const { clock, tables, permission } = bench();
    const live = [{ ip: V4, validUntilMs: clock.now() + LEASE_MS }];
    permission.allow(live);
    tables.refusal = new SysError("add element", Errno.ENOMEM, { subject: "vips4" });
    assert.throws(() => permission.manage([VIP, OTHER], live), { code: "ENOMEM" });
    tables.refusal = null;
    assert.equal(permission[mend](live), "rebuilt");
    assert.equal(tables.endsMs(V4), clock.now() + LEASE_MS);
    assert.equal(permission.verify(live), "whole");
  }
});

privileged("members that somebody takes out of the sets, or adds, are noticed", () => {
  const namespace = Namespace.create();
  const socket = namespace.run(() => new NftSocket());
  const permission = new NftPermission(socket, systemClock);
  permission.install([VIP]);
  permission.manage([VIP, OTHER], []);
  const strange: Guarded = { ip: "fd98::9", linkName: "eth0" };
  const tampering: readonly (readonly [Guarded[], Guarded[]])[] = [[[VIP, OTHER], [VIP]], [[], [strange]]];
  for (const [before, after] of tampering) {
    socket.commit(changeGuard(before, after));
    assert.equal(permission.verify([]), "rebuilt");
    assert.equal(permission.verify([]), "whole");
  }
  socket.close();
  namespace.close();
});

/** nftables of which somebody removes everything just before one of the calls. */
class FlushedSocket extends NftSocket {
  /** Calls until then. */
  left = Infinity;

  override commitPrepared(...args: Parameters<NftSocket["commitPrepared"]>): void {
    this.#count();
    super.commitPrepared(...args);
  }

  override generation(): number {
    this.#count();
    return super.generation();
  }

  override rules(...args: Parameters<NftSocket["rules"]>): ReturnType<NftSocket["rules"]> {
    this.#count();
    return super.rules(...args);
  }

  override elements(...args: Parameters<NftSocket["elements"]>): ReturnType<NftSocket["elements"]> {
    this.#count();
    return super.elements(...args);
  }

  #count(): void {
    if (--this.left === 0) super.commitPrepared(new PreparedBatch(this.tables().map((table) => deleteTable(table))));
  }
}

privileged(
  "rules that somebody removes at any moment of the installation are there after it, or with the next renewal",
  () => {
    const namespace = Namespace.create();
    const socket = namespace.run(() => new FlushedSocket());
    for (let call = 1; call <= 20; call++) {
      const permission = new NftPermission(socket, systemClock);
      socket.left = call;
      permission.install([VIP]);
      socket.left = Infinity;
      permission.allow([{ ip: V4, validUntilMs: systemClock.now() + 10_000 }]);
      assert.equal(socket.tables().length, GUARD_FAMILIES.length, `flushed before call ${call}`);
      assert.equal(socket.elements({ family: "arp", table: GUARD_TABLE, set: "live4" }).length, 1);
      assert.equal(permission.verify([]), "whole");
      permission.uninstall();
    }
    socket.close();
    namespace.close();
  },
);

privileged("a table that somebody made dormant is built anew", () => {
  const namespace = Namespace.create();
  const socket = namespace.run(() => new NftSocket());
  const permission = new NftPermission(socket, systemClock);
  permission.install([VIP]);
  for (const family of GUARD_FAMILIES) {
    const table = addTable({ family, table: GUARD_TABLE });
    const dormant = attribute(TableAttribute.FLAGS, be32(1));
    socket.commit([{ ...table, payload: concat([table.payload, dormant]) }]);
    assert.equal(socket.tables().filter((each) => each.flags === 1).length, 1);
    assert.equal(permission.verify([]), "rebuilt", family);
    assert.deepEqual(socket.tables().map((each) => each.flags), [0, 0]);
  }
  socket.close();
  namespace.close();
});
