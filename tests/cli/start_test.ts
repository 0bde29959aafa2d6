import assert from "node:assert/strict";
import type { ConfigSource } from "../../mod/agent/reload.ts";
import type { PeersConfig } from "../../mod/config/types.ts";
import { command, type Outcome } from "./helpers.ts";

const GOOD = "singleNode: true\nvip: 10.0.0.9\nlogLevel: error\nstateDir: /x\n";
const files = {
  "good.yaml": GOOD,
  "bad.yaml": "vip: 10.0.0.9\nport: x\nvipp: 1\n",
  "warned.yaml": `${GOOD}port: 6443\n`,
};

/** Runs `start` and gives the configuration the agent got, or null if none was started. */
async function start(...args: string[]): Promise<Outcome & { config: PeersConfig | null }> {
  const started: PeersConfig[] = [];
  const runAgent = (config: PeersConfig): Promise<number> => {
    started.push(config);
    return Promise.resolve(7);
  };
  const outcome = await command(["start", ...args], {
    files,
    runAgent,
    env: { vip_timing: "fast", vip_interface: "" },
  });
  return { ...outcome, config: started[0] ?? null };
}

Deno.test("the agent gets the file with flags and variables on top, and its status is that of the process", async () => {
  const { code, out, config } = await start("-c", "good.yaml", "--interface=eth5", "--startAsLeader", "--arp", "false");
  assert.equal(code, 7);
  assert.equal(out, "");
  assert.deepEqual(
    [config?.interface, config?.startAsLeader, config?.announce, config?.timing.beatMs, config?.stateDir],
    ["eth5", true, false, 10, "/x"],
  );
});

Deno.test("no file is needed where flags say enough", async () => {
  const { config } = await start("--vip", "10.0.0.9,fd00::9", "--singleNode=true", "-d=false", "--log", "error");
  assert.deepEqual(config?.vips.map((vip) => vip.ip), ["10.0.0.9", "fd00::9"]);
});

Deno.test("every mistake is one line on standard error, nothing is started, status 1", async () => {
  const { code, out, err, config } = await start("--config", "bad.yaml", "--timing", "slow");
  assert.deepEqual([code, out, config], [1, "", null]);
  assert.deepEqual(err.trimEnd().split("\n").map((line) => line.replace(/: must .*|: is .*|: has .*/, "")), [
    'warning: bad.yaml:2: port "x"',
    "error: bad.yaml:3: vipp",
    "error: localPeer",
    'error: --timing "slow"',
    "3 problems in the configuration; nothing was started",
  ]);
});

Deno.test("a file that cannot be read is said in upstream's words", async () => {
  assert.match((await start("-c", "none.yaml")).err, /^error: Error reading \[none.yaml\]: No such file/);
  assert.match((await start("-c", "")).err, /^error: Path cannot be blank/);
  assert.equal((await start("-c", "none.yaml")).code, 1);
});

Deno.test("--check validates and starts nothing", async () => {
  const good = await start("-c", "good.yaml", "--check");
  assert.deepEqual([good.code, good.out, good.err, good.config], [0, "The configuration is valid\n", "", null]);
  const warned = await start("-c", "warned.yaml", "--check");
  assert.equal(warned.code, 0);
  assert.match(warned.err, /^warning: warned.yaml:5: port "6443": has no effect/);
  assert.equal((await start("-c", "bad.yaml", "--check")).code, 1);
});

Deno.test("--dump prints every setting with its origin and starts nothing", async () => {
  const { code, out, config } = await start("-c", "good.yaml", "--dump", "--placement", "spread");
  assert.deepEqual([code, config], [0, null]);
  const lines = [
    "vip = 10.0.0.9 (file line 2)",
    "placement = spread (flag --placement)",
    "timing = fast (env vip_timing)",
  ];
  for (const line of lines) assert.ok(out.includes(`${line}\n`), line);
  assert.match(out, /^announceInterval = 3s \(default\)$/m);
});

Deno.test("the agent can read its file anew, with the same flags and variables on top; without a file it gets none", async () => {
  const sources: (ConfigSource | null)[] = [];
  const files = { "good.yaml": GOOD };
  const runAgent = (_config: PeersConfig, source: ConfigSource | null): Promise<number> => {
    sources.push(source);
    return Promise.resolve(0);
  };
  const world = { files, runAgent, env: { vip_timing: "fast" } };
  await command(["start", "-c", "good.yaml", "--placement", "spread"], world);
  await command(["start", "--vip", "10.0.0.9", "--singleNode", "--log", "error"], world);
  const [source, none] = sources;
  assert.equal(none, null);
  assert.deepEqual([source?.file, source?.text], ["good.yaml", GOOD]);
  files["good.yaml"] = GOOD.replace("10.0.0.9", "10.0.0.8");
  const again = source?.load(source.readText());
  assert.ok(again?.outcome === "valid");
  const { vips, timing, placement } = again.config;
  assert.deepEqual([vips[0]?.ip, timing.beatMs, placement], ["10.0.0.8", 10, "spread"]);
  assert.equal(source?.load("vipp: 1").outcome, "invalid");
});
