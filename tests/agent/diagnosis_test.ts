import assert from "node:assert/strict";
import { Capability, diagnose, type Diagnosis, type MachineFacts } from "../../mod/agent/diagnosis.ts";
import { mustLoad } from "../config/helpers.ts";
import { base } from "../config/helpers.ts";

const ALL = Object.values(Capability).reduce((bits, bit) => bits | 1n << BigInt(bit), 0n);
const GOOD: MachineFacts = {
  kernel: "6.1.0",
  capabilities: ALL,
  guard: null,
  kernelEngine: null,
  userEngine: null,
  fileLimit: { soft: 1024, hard: 1_048_576 },
  forwarding: { 4: "1", 6: "1" },
  trackedConnections: 65_536,
  addresses: ["10.0.0.1"],
  misfits: [],
};

function faults(found: readonly Diagnosis[]): string[] {
  return found.filter(({ verdict }) => verdict === "fault").map(({ subject }) => subject);
}

function balanced(balancer: Record<string, unknown>): ReturnType<typeof mustLoad> {
  return mustLoad(base({ loadBalancers: [{ port: 8000, bindToVip: true, backends: "10.0.0.5:80", ...balancer }] }));
}

Deno.test("a machine that can do everything has neither faults nor notes", () => {
  for (const config of [null, balanced({ engine: "kernel" })]) {
    assert.deepEqual(diagnose(GOOD, config).filter(({ verdict }) => verdict !== "fine"), []);
  }
});

Deno.test("what is missing is a fault where it is asked for, and a note elsewhere", () => {
  const rows: [string, Partial<MachineFacts>, Record<string, unknown>, string[]][] = [
    ["rights", { capabilities: 0n }, { port: 80 }, ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"]],
    ["rights for high ports", { capabilities: 0n }, {}, ["CAP_NET_ADMIN", "CAP_NET_RAW"]],
    ["guard", { guard: "no nftables" }, {}, ["kernel ends the hold"]],
    ["table, named", { kernelEngine: "no nat" }, { engine: "kernel" }, ["engine kernel"]],
    ["table, not named", { kernelEngine: "no nat" }, { engine: "auto" }, []],
    ["epoll, named", { userEngine: "ENOSYS" }, { engine: "user" }, ["engine user"]],
    ["epoll, not named", { userEngine: "ENOSYS" }, { engine: "listen" }, []],
    ["IPv4", { forwarding: { 4: null, 6: null } }, { engine: "kernel" }, ["net.ipv4.ip_forward"]],
    ["misfit", { misfits: ["no such interface"] }, {}, ["configuration"]],
  ];
  for (const [name, facts, balancer, wanted] of rows) {
    assert.deepEqual(faults(diagnose({ ...GOOD, ...facts }, balanced(balancer))), wanted, name);
  }
});

Deno.test("a setting that a balancer will change is named with its value and what becomes of it", () => {
  const facts = { ...GOOD, forwarding: { 4: "0", 6: "0" } };
  const about = (config: ReturnType<typeof mustLoad> | null): string =>
    diagnose(facts, config).find(({ subject }) => subject === "net.ipv4.ip_forward")?.text ?? "";
  assert.match(
    about(balanced({ engine: "kernel" })),
    /^0: a load balancer of engine kernel sets it to 1 while it runs/,
  );
  assert.match(about(balanced({ engine: "kernel", backends: "10.0.0.1:80" })), /engine auto leaves it/);
  assert.match(about(null), /engine auto leaves it/);
});

Deno.test("few descriptors are worth a note", () => {
  const found = diagnose({ ...GOOD, fileLimit: { soft: 1024, hard: 4096 } }, null);
  assert.match(found.find(({ subject }) => subject === "open files")?.text ?? "", /^at most 4096/);
});
