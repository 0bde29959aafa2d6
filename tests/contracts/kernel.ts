/**
 * What the holder relies on, for every kernel it may be given: the real one over netlink, and the one in memory that the holder's own
 * tests use. `answers` asks from outside, the way a neighbour would.
 */
import assert from "node:assert/strict";
import { ADDRESS_PROTOCOL } from "../../mod/vip/address.ts";
import type { AddressBook, Permission } from "../../mod/vip/kernel.ts";

/** One machine under test. */
export interface KernelUnderTest {
  readonly book: AddressBook;
  readonly permission: Permission;
  readonly linkIndex: number;
  /** Whether the machine answers ARP or neighbour solicitation for the address now. */
  answers(ip: string): Promise<boolean>;
  /** The clock of the deadlines. */
  now(): number;
  wait(ms: number): Promise<void>;
  /** Somebody else removes every rule (`nft flush ruleset`). */
  flushRules(): void;
  close(): void | Promise<void>;
}

const V4 = "10.98.0.200";
const V6 = "fd98::200";
const VIP4 = { ip: V4, linkName: "eth0" };
const VIP6 = { ip: V6, linkName: "eth0" };
const BOTH: readonly (readonly [string, number])[] = [[V4, 32], [V6, 128]];

type Case = (kernel: KernelUnderTest) => Promise<void>;

const CASES: Record<string, Case> = {
  "without a guard an address answers as soon as it is there": async (kernel) => {
    for (const [ip, prefix] of BOTH) {
      assert.equal(await kernel.answers(ip), false);
      kernel.book.put(ip, prefix, kernel.linkIndex, 10);
      assert.equal(await kernel.answers(ip), true, ip);
    }
  },
  "under the guard an address is silent until it is allowed, and again when the time-out has passed": async (
    kernel,
  ) => {
    kernel.permission.install([VIP4, VIP6]);
    for (const [ip, prefix] of BOTH) {
      kernel.book.put(ip, prefix, kernel.linkIndex, 10);
      assert.equal(await kernel.answers(ip), false, `${ip} before`);
    }
    kernel.permission.allow(BOTH.map(([ip]) => ({ ip, validUntilMs: kernel.now() + 2000 })));
    for (const [ip] of BOTH) assert.equal(await kernel.answers(ip), true, `${ip} allowed`);
    await kernel.wait(2050);
    for (const [ip] of BOTH) assert.equal(await kernel.answers(ip), false, `${ip} after`);
  },
  "one address expires while the other is renewed": async (kernel) => {
    kernel.permission.install([VIP4, VIP6]);
    for (const [ip, prefix] of BOTH) kernel.book.put(ip, prefix, kernel.linkIndex, 10);
    kernel.permission.allow([{ ip: V4, validUntilMs: kernel.now() + 200 }, {
      ip: V6,
      validUntilMs: kernel.now() + 200,
    }]);
    assert.equal(kernel.permission.allow([{ ip: V6, validUntilMs: kernel.now() + 5000 }]), "refreshed");
    await kernel.wait(300);
    assert.equal(await kernel.answers(V4), false);
    assert.equal(await kernel.answers(V6), true);
  },
  "an address that has expired can be allowed again": async (kernel) => {
    kernel.permission.install([VIP4]);
    kernel.book.put(V4, 32, kernel.linkIndex, 10);
    kernel.permission.allow([{ ip: V4, validUntilMs: kernel.now() + 20 }]);
    await kernel.wait(60);
    assert.equal(kernel.permission.allow([{ ip: V4, validUntilMs: kernel.now() + 5000 }]), "refreshed");
    assert.equal(await kernel.answers(V4), true);
  },
  "a denied address is silent at once, and denying twice is no error": async (kernel) => {
    kernel.permission.install([VIP4, VIP6]);
    for (const [ip, prefix] of BOTH) kernel.book.put(ip, prefix, kernel.linkIndex, 10);
    kernel.permission.allow(BOTH.map(([ip]) => ({ ip, validUntilMs: kernel.now() + 5000 })));
    kernel.permission.deny([V4]);
    kernel.permission.deny([V4]);
    assert.equal(await kernel.answers(V4), false);
    assert.equal(await kernel.answers(V6), true);
  },
  "a guard that somebody removed is rebuilt by the next renewal": async (kernel) => {
    kernel.permission.install([VIP4, VIP6]);
    for (const [ip, prefix] of BOTH) kernel.book.put(ip, prefix, kernel.linkIndex, 10);
    kernel.flushRules();
    assert.equal(kernel.permission.allow([{ ip: V4, validUntilMs: kernel.now() + 5000 }]), "rebuilt");
    assert.equal(await kernel.answers(V4), true);
    assert.equal(await kernel.answers(V6), false);
  },
  "a guard that somebody removed is found by a look, a whole one is left alone": async (kernel) => {
    kernel.permission.install([VIP4]);
    kernel.book.put(V4, 32, kernel.linkIndex, 10);
    assert.equal(kernel.permission.verify([]), "whole");
    kernel.flushRules();
    assert.equal(kernel.permission.verify([]), "rebuilt");
    assert.equal(await kernel.answers(V4), false);
    assert.equal(kernel.permission.verify([{ ip: V4, validUntilMs: kernel.now() + 5000 }]), "whole");
  },
  "a guard left by an earlier run is replaced, and uninstalling leaves none": async (kernel) => {
    kernel.permission.install([VIP4]);
    kernel.permission.install([VIP4]);
    kernel.book.put(V4, 32, kernel.linkIndex, 10);
    assert.equal(await kernel.answers(V4), false);
    kernel.permission.uninstall();
    kernel.permission.uninstall();
    assert.equal(await kernel.answers(V4), true);
  },
  "addresses come and go under the guard while another answers without a break": async (kernel) => {
    kernel.permission.install([VIP4]);
    for (const [ip, prefix] of BOTH) kernel.book.put(ip, prefix, kernel.linkIndex, 10);
    const live = [{ ip: V4, validUntilMs: kernel.now() + 5000 }];
    kernel.permission.allow(live);
    assert.equal(await kernel.answers(V6), true, "nobody guards it yet");
    assert.equal(kernel.permission.manage([VIP4, VIP6], live), "changed");
    assert.deepEqual([await kernel.answers(V4), await kernel.answers(V6)], [true, false]);
    assert.equal(kernel.permission.verify(live), "whole");
    const both = BOTH.map(([ip]) => ({ ip, validUntilMs: kernel.now() + 5000 }));
    assert.equal(kernel.permission.allow(both), "refreshed");
    assert.deepEqual([await kernel.answers(V4), await kernel.answers(V6)], [true, true]);
    assert.equal(kernel.permission.manage([VIP6], both), "changed");
    assert.equal(await kernel.answers(V6), true);
    assert.equal(kernel.permission.manage([VIP4, VIP6], both), "changed");
    assert.deepEqual(
      [await kernel.answers(V4), await kernel.answers(V6)],
      [false, true],
      "came back without permission",
    );
    assert.equal(kernel.permission.manage([VIP4, VIP6], both), "changed");
  },
  "a guard that somebody removed is rebuilt with the new addresses": async (kernel) => {
    kernel.permission.install([VIP4]);
    for (const [ip, prefix] of BOTH) kernel.book.put(ip, prefix, kernel.linkIndex, 10);
    const live = [{ ip: V4, validUntilMs: kernel.now() + 5000 }];
    kernel.permission.allow(live);
    kernel.flushRules();
    assert.equal(kernel.permission.manage([VIP4, VIP6], live), "rebuilt");
    assert.deepEqual([await kernel.answers(V4), await kernel.answers(V6)], [true, false]);
    assert.equal(kernel.permission.verify(live), "whole");
  },
  "an address carries our mark and its lifetime, can be refreshed, and clears itself": async (kernel) => {
    kernel.book.put(V4, 32, kernel.linkIndex, 30);
    kernel.book.put(V4, 32, kernel.linkIndex, 1);
    const seen = kernel.book.addresses().filter((address) => address.ip === V4);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.protocol, ADDRESS_PROTOCOL);
    assert.equal(seen[0]?.prefixLength, 32);
    assert.equal(seen[0]?.validSeconds, 1);
    const isThere = (): boolean => kernel.book.addresses().some((address) => address.ip === V4);
    // A kernel with much to do may be late.
    for (let looks = 0; looks < 100 && isThere(); looks++) await kernel.wait(100);
    assert.equal(isThere(), false);
  },
  "removing says what it did": async (kernel) => {
    for (const [ip, prefix] of BOTH) {
      assert.equal(kernel.book.remove(ip, prefix, kernel.linkIndex), "absent");
      kernel.book.put(ip, prefix, kernel.linkIndex, 10);
      assert.equal(kernel.book.remove(ip, prefix, kernel.linkIndex), "removed");
      assert.equal(await kernel.answers(ip), false);
    }
  },
};

/** Runs the whole contract; `test` registers one case (and may skip it), `open` makes a fresh machine. */
export function kernelContract(
  name: string,
  open: () => KernelUnderTest,
  test: (name: string, run: () => Promise<void>) => void = (title, run) => Deno.test(title, run),
): void {
  for (const [title, run] of Object.entries(CASES)) {
    test(`${name}: ${title}`, async () => {
      const kernel = open();
      try {
        await run(kernel);
      } finally {
        await kernel.close();
      }
    });
  }
}
