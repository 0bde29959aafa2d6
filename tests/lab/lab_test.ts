import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import type { Daemon } from "./daemon.ts";
import { Lab } from "./lab.ts";

/** A program that only waits, or ends at once. */
function idle(argv: readonly string[]): Daemon {
  return {
    name: "idle",
    leavesAddresses: false,
    prepare: () => ({ argv, env: {} }),
    isReady: () => Promise.resolve(true),
  };
}

function exists(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

privileged("a laboratory that is left by an error ends its processes and shows what the nodes said", async () => {
  const pids: number[] = [];
  const daemon = idle(["sh", "-c", "echo here I am; exec sleep 1000"]);
  const use = Lab.with({ daemon }, async (lab) => {
    for (const node of lab.nodes) node.start();
    await Promise.all(lab.nodes.map((node) => node.child.waitForLine("here I am", { limitMs: 5000 })));
    pids.push(...lab.nodes.map((node) => node.child.pid));
    assert.ok(pids.every(exists));
    throw new Error("the test failed");
  });
  await assert.rejects(use, /the test failed[^]*node1[^]*here I am/);
  assert.equal(pids.length, 3);
  assert.ok(!pids.some(exists));
});

privileged("a node whose program ends is an error that carries its log", async () => {
  await Lab.with({ daemon: idle(["sh", "-c", "echo no such setting; exit 3"]), nodes: 1 }, async (lab) => {
    const [node] = lab.nodes;
    node?.start();
    await node?.child.end(5000);
    await assert.rejects(lab.settled(1000).then(() => node?.ready(1000)), /no such setting|steady service/);
    await assert.rejects(node?.ready(1000) ?? Promise.resolve(), /node1 ended \(.*"code":3.*\)[^]*no such setting/);
  });
});
