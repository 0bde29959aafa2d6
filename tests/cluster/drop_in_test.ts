/** What a cluster that ran the Go kube-vip expects to find: Leases, labels, Events, metrics, health, the dump; and its own environment. */

import assert from "node:assert/strict";
import { kubesprayEnv } from "../config/manager/kubespray.ts";
import { addressLeaseName } from "../../mod/kube/address_lease.ts";
import { VIP_4, VIP_6 } from "../lab/plan.ts";
import type { LabNode } from "../lab/node.ts";
import { sleep } from "../lab/time.ts";
import { machinesAtOnce } from "../lab/analysis.ts";
import { FAMILIES } from "../lab/records.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { CONTROL_PLANE_LEASE, readLease } from "../kubernetes/lease.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { forgetClock, WallClock } from "../kubernetes/wall_clock.ts";
import { NODE_FAULTS, runClusterFault } from "./faults.ts";
import { inPod } from "./pod.ts";
import { kubeconfigPath, type LeaseSeconds, withWorld, type World } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
const PATIENCE_MS = 30_000;
const HOUR_MS = 3_600_000;

/** The text of a page that a node serves on its loopback. */
function page({ lab }: World, node: LabNode, url: string): string {
  const script = `const r = await fetch("${url}"); console.log(r.status + " " + await r.text());`;
  return lab.execute(node.machine, [Deno.execPath(), "eval", "--no-lock", script]);
}

/** Waits until `look` gives something else than null. */
async function eventually<T>(look: () => Promise<T | null>, what: string): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > endMs) throw new Error(`no ${what} after ${PATIENCE_MS} ms`);
    await sleep(100);
  }
}

async function items(admin: ApiClient, path: string): Promise<Record<string, unknown>[]> {
  const { body } = await admin.request("GET", path);
  return (body as { items: Record<string, unknown>[] }).items;
}

async function labelOf(admin: ApiClient, node: string): Promise<string | null> {
  const { body } = await admin.request("GET", `/api/v1/nodes/${node}`);
  const labels = (body as { metadata: { labels?: Record<string, string> } }).metadata.labels;
  return labels?.["kube-vip.io/has-ip"] ?? null;
}

async function makeNodes({ lab, cluster }: World): Promise<void> {
  for (const { name } of lab.nodes) {
    await cluster.admin.demand("POST", "/api/v1/nodes", { body: { metadata: { name } } });
  }
}

withApiServers(
  "who holds can be read from Leases, the node's label, Events, metrics, health pages and the dump",
  (paths) => {
    const env = (): Record<string, string> => ({ "enable_node_labeling": "true" });
    return withWorld(paths, { times: TIMES, election: "kubernetes", env }, async (world) => {
      const { lab, cluster } = world;
      await makeNodes(world);
      await lab.startAll();
      const holder = await lab.settled();
      assert.equal((await readLease(cluster.admin, CONTROL_PLANE_LEASE))?.spec.holderIdentity, holder.name);
      for (const ip of [VIP_4, VIP_6]) {
        const name = { namespace: "kube-system", name: addressLeaseName(ip) };
        const who = async (): Promise<string | null> =>
          (await readLease(cluster.admin, name))?.spec.holderIdentity ?? null;
        assert.equal(await eventually(who, `Lease ${name.name}`), holder.name);
      }
      assert.match(await eventually(() => labelOf(cluster.admin, holder.name), "label"), /^10\.98\.0\.200_fd98/);
      await eventually(async () => {
        const reasons = (await items(cluster.admin, "/api/v1/namespaces/kube-system/events")).map((one) =>
          one["reason"]
        );
        return reasons.includes("LeaderElection") && reasons.includes("VIPTaken") ? true : null;
      }, "Events");
      const metrics = page(world, holder, "http://127.0.0.1:2112/metrics");
      assert.match(metrics, new RegExp(`kube_vip_is_leader\\{node="${holder.name}",lease_name="plndr-cp-lock"\\} 1`));
      assert.match(metrics, /kube_vip_build_info\{.*\} 1/);
      assert.match(metrics, /kube_vip_holding\{address="10\.98\.0\.200"\} 1/);
      for (const path of ["healthz", "readyz"]) {
        for (const node of lab.nodes) assert.match(page(world, node, `http://127.0.0.1:10355/${path}`), /^200 OK/);
      }
      holder.child.signal("SIGUSR1");
      await holder.child.waitForLine("END OF CONFIGURATION DUMP", { limitMs: PATIENCE_MS });
      const dump = holder.log.join("\n");
      for (const title of ["BASIC CONFIGURATION", "LEADER ELECTION CONFIGURATION", "NFTABLES CONFIGURATION"]) {
        assert.ok(dump.includes(`--- ${title} ---`), title);
      }
      await holder.terminate();
      assert.equal(await labelOf(cluster.admin, holder.name), null);
      const next = await lab.settled();
      assert.notEqual(next.name, holder.name);
    });
  },
);

withApiServers(
  "the static Pod that Kubespray renders works: its variables, admin.conf, and the server found on the node",
  (paths) => {
    const pods = new Map<string, string>();
    const podOf = (name: string): string => {
      const known = pods.get(name) ?? Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "kube-vip-pod-" });
      pods.set(name, known);
      return known;
    };
    const files = (name: string, directory: string): ReturnType<typeof inPod> =>
      inPod(podOf(name), { hosts: ["127.0.0.1 kubernetes"], adminConf: kubeconfigPath(directory) });
    const rendered = { leaderElection: true, cpDetect: "True", interface: "eth0", cidr: "32,128" } as const;
    const options = {
      times: TIMES,
      election: "kubernetes",
      bare: true,
      before: ({ name }: { name: string }, directory: string) => files(name, directory).before,
      env: ({ name }: { name: string }, directory: string) => ({
        ...kubesprayEnv({ ...rendered, address: `${VIP_4},${VIP_6}`, nodeName: name }),
        ...files(name, directory).env,
      }),
    } as const;
    return withWorld(paths, options, async (world) => {
      const [kill] = NODE_FAULTS;
      assert.ok(kill);
      await world.lab.startAll();
      const result = await runClusterFault(world, kill, TIMES);
      for (const family of FAMILIES) assert.equal(result.maxAnswering[family], 1, JSON.stringify(result));
      for (const directory of pods.values()) await Deno.remove(directory, { recursive: true });
    });
  },
);

withApiServers("an address may be a name: the node holds what it stands for", (paths) => {
  const pods: string[] = [];
  const options = {
    times: TIMES,
    election: "kubernetes",
    before: () => {
      const directory = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "kube-vip-pod-" });
      pods.push(directory);
      return inPod(directory, { hosts: [`${VIP_4} api.example.test`, `${VIP_6} api.example.test`] }).before;
    },
    env: () => ({ address: "api.example.test", "dns_mode": "dual" }),
  } as const;
  return withWorld(paths, options, async ({ lab }) => {
    await lab.startAll();
    const holder = await lab.settled();
    assert.ok(holder.machine.addresses().includes(VIP_4) && holder.machine.addresses().includes(VIP_6));
    for (const directory of pods) await Deno.remove(directory, { recursive: true });
  });
});

withApiServers(
  "a clock on the wall that jumps by an hour changes nothing, on the holder or on a candidate",
  (paths) => {
    const clocks = new Map<string, WallClock>();
    const env = ({ name }: { name: string }, directory: string): Record<string, string> => {
      const clock = new WallClock(`${directory}/clock`);
      clocks.set(name, clock);
      return { ...clock.env };
    };
    return withWorld(paths, { times: TIMES, election: "kubernetes", env }, async (world) => {
      const { lab } = world;
      await lab.startAll();
      const holder = await lab.settled();
      const [other] = lab.others(holder);
      assert.ok(other);
      lab.probes.clear();
      const fromMs = performance.now();
      for (
        const [node, fastByMs] of [[holder, HOUR_MS], [other, -HOUR_MS], [holder, -HOUR_MS], [other, HOUR_MS]] as const
      ) {
        clocks.get(node.name)?.set(fastByMs);
        await sleep(2 * TIMES.retryPeriod * 1000);
        assert.equal((await lab.settled()).name, holder.name);
      }
      assert.ok(performance.now() - fromMs > TIMES.duration * 1000);
      for (const family of FAMILIES) {
        assert.equal(machinesAtOnce(lab.probes.samples.inquiries(family), { fromMs: -Infinity, untilMs: Infinity }), 1);
      }
      const [kill] = NODE_FAULTS;
      assert.ok(kill);
      const pids = lab.nodes.map((node) => node.child.pid);
      const result = await runClusterFault(world, kill, TIMES);
      for (const family of FAMILIES) {
        assert.equal(result.maxAnswering[family], 1, JSON.stringify(result));
        assert.ok(result.outageMs[family] <= (TIMES.duration + 5) * 1000, JSON.stringify(result));
      }
      for (const pid of pids) forgetClock(pid);
    });
  },
);
