import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { EtcdLab, type EtcdLabOptions, TTL_MS } from "./etcd_lab.ts";
import { sharedNow, sleep } from "./time.ts";

/** etcd may be late by a second in ending a lease, and the next holder takes some milliseconds. */
const TAKE_OVER_MS = TTL_MS + 1500;

/** A test with Debian's etcd (packages etcd-server and, for `etcdctl`, etcd-client). */
function withEtcd(
  name: string,
  use: (lab: EtcdLab) => Promise<void>,
  options: EtcdLabOptions & { readonly program?: string } = {},
): void {
  privileged(`etcd election: ${name}`, () => EtcdLab.with(options, use), { program: options.program ?? "etcd" });
}

withEtcd(
  "the next holds within the lease and 1.5 s after the holder was killed, and not before its grant ended",
  async (lab) => {
    const [first, ...others] = await lab.startThree();
    const killedMs = sharedNow();
    await first.child.stop("SIGKILL");
    const { atMs } = await lab.next(others, killedMs);
    assert.ok(atMs - killedMs < TAKE_OVER_MS, `${atMs - killedMs} ms`);
  },
);

withEtcd("an orderly stop hands over within a second", async (lab) => {
  const [first, ...others] = await lab.startThree();
  const askedMs = sharedNow();
  const { code } = await first.child.stop("SIGTERM");
  assert.equal(code, 0);
  assert.equal((await lab.told(first, "revoked")).reason, "stopping");
  const { atMs } = await lab.next(others, askedMs);
  assert.ok(atMs - askedMs < 1000, `${atMs - askedMs} ms`);
});

withEtcd("a process that restarts within the lease resumes it, and nobody else holds in between", async (lab) => {
  const [first, ...others] = await lab.startThree();
  const before = await lab.told(first, "granted");
  await first.child.stop("SIGKILL");
  const again = lab.start("a");
  const after = await lab.told(again, "granted");
  assert.equal(after.epoch, before.epoch);
  await sleep(TTL_MS + 2000);
  for (const other of others) assert.ok(!other.lines.some((line) => line.is === "granted"), other.identity);
  assert.ok(!again.lines.some((line) => line.is === "revoked"));
  await again.child.stop("SIGTERM");
  await lab.next(others, sharedNow() - 1000, 2000);
});

withEtcd("of two machines with one name only one holds, and the other follows", async (lab) => {
  const first = lab.start("a");
  await lab.told(first, "granted");
  const second = lab.start("a", { bootId: "another-machine" });
  assert.equal((await lab.told(second, "leader")).name, "a");
  await sleep(2000);
  assert.ok(!second.lines.some((line) => line.is === "granted"));
  const killedMs = sharedNow();
  await first.child.stop("SIGKILL");
  const { atMs } = await lab.told(second, "granted", { sinceMs: killedMs });
  assert.ok(atMs - killedMs < TAKE_OVER_MS, `${atMs - killedMs} ms`);
});

withEtcd("a restart of etcd changes nothing", async (lab) => {
  const [first, ...others] = await lab.startThree();
  await lab.stopEtcd();
  await lab.startEtcd();
  const restartedMs = sharedNow();
  await lab.told(first, "granted", { sinceMs: restartedMs });
  await sleep(TTL_MS + 2000);
  assert.ok(!first.lines.some((line) => line.is === "revoked"));
  for (const other of others) assert.ok(!other.lines.some((line) => line.is === "granted"), other.identity);
});

withEtcd("while etcd hangs the holder lets go in time, and somebody holds once it goes on", async (lab) => {
  const nodes = await lab.startThree();
  lab.signalEtcd("SIGSTOP");
  const hungMs = sharedNow();
  const { reason, atMs } = await lab.told(nodes[0], "revoked");
  assert.equal(reason, "lease-lost");
  assert.ok(atMs - hungMs < TTL_MS, `${atMs - hungMs} ms`);
  assert.notEqual((await lab.told(nodes[1], "trouble")).trouble, "");
  lab.signalEtcd("SIGCONT");
  await lab.next(nodes, atMs);
});

withEtcd("a holder that stood still holds nothing when it goes on", async (lab) => {
  const [first, ...others] = await lab.startThree();
  first.child.signal("SIGSTOP");
  const stoppedMs = sharedNow();
  const { node, atMs } = await lab.next(others, stoppedMs);
  assert.ok(atMs - stoppedMs < TAKE_OVER_MS, `${atMs - stoppedMs} ms`);
  first.child.signal("SIGCONT");
  await lab.told(first, "revoked");
  await lab.told(first, "leader", { sinceMs: stoppedMs });
  assert.equal(first.lines.findLast((line) => line.is === "leader")?.name, node.identity);
});

withEtcd("an unfit holder hands over to a fit node, and keeps the addresses while there is none", async (lab) => {
  const [first, ...others] = await lab.startThree();
  const askedMs = sharedNow();
  await first.child.write("unfit");
  const { node, atMs } = await lab.next(others, askedMs);
  assert.ok(atMs - askedMs < 1000, `${atMs - askedMs} ms`);
  assert.equal((await lab.told(first, "revoked")).reason, "unfit");
  for (const other of others) if (other !== node) await other.child.stop("SIGTERM");
  await node.child.write("unfit");
  await sleep(2000);
  assert.ok(!node.lines.some((line) => line.is === "revoked"));
});

withEtcd("certificates are used, and required", async (lab) => {
  const [first, ...others] = await lab.startThree();
  const stranger = lab.start("stranger", { tls: { caPath: null, certPath: null, keyPath: null } });
  await lab.told(stranger, "trouble");
  await first.child.stop("SIGTERM");
  await lab.next(others, sharedNow() - 1000, 2000);
  assert.ok(!stranger.lines.some((line) => line.is === "granted"));
}, { secure: true });

withEtcd("the loss of etcd's own leader ends no hold", async (lab) => {
  const [first, ...others] = await lab.startThree();
  await lab.killEtcdLeader();
  const killedMs = sharedNow();
  await sleep(TTL_MS * 2);
  await lab.told(first, "granted", { sinceMs: killedMs + TTL_MS });
  for (const node of [first, ...others]) assert.ok(!node.lines.some((line) => line.is === "revoked"), node.identity);
  const stoppedMs = sharedNow();
  await first.child.stop("SIGTERM");
  const { atMs } = await lab.next(others, stoppedMs);
  assert.ok(atMs - stoppedMs < 1500, `${atMs - stoppedMs} ms`);
}, { members: 3 });

withEtcd("Go's clientv3 stands in the same queue: before this program, and behind it", async (lab) => {
  const before: string[] = [];
  const go = lab.elect("go", before);
  await lab.changes.until(() => before.includes("go") ? true : null, 5000, "etcdctl holds");
  const ours = lab.start("ours");
  assert.equal((await lab.told(ours, "leader")).name, "go");
  await sleep(1000);
  assert.ok(!ours.lines.some((line) => line.is === "granted"));
  const endedMs = sharedNow();
  await go.stop("SIGTERM");
  const { atMs } = await lab.told(ours, "granted");
  assert.ok(atMs - endedMs < 1000, `${atMs - endedMs} ms`);
  const behind: string[] = [];
  const again = lab.elect("go", behind);
  await lab.standing(2);
  assert.equal(behind.length, 0);
  await ours.child.stop("SIGTERM");
  await lab.changes.until(() => behind.includes("go") ? true : null, 2000, "etcdctl holds next");
  await again.stop("SIGTERM");
}, { program: "etcdctl" });
