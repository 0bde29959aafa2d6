import assert from "node:assert/strict";
import { type Listed, listSettings, SETTINGS } from "../../mod/config/settings.ts";
import type { ConfigResult } from "../../mod/config/types.ts";
import { BGP_GROUPS, BGP_ROWS, type StartRow } from "./start_bgp_rows.ts";
import { base, load, problemLines, TEST_SECRET } from "./helpers.ts";

const http = { type: "http", port: 80, backends: [{ url: "http://10.0.0.1:81" }] };
const withHttp = { loadBalancers: [http] };
const plainly = { port: 80, backends: [{ address: "10.0.0.5", port: 81 }] };
const withKey = { loadBalancers: [{ ...plainly, tls: { keyFile: "/k" } }] };
const withCertificate = { loadBalancers: [{ ...plainly, tls: { certificateFile: "/c" } }] };
const https = { type: "http", port: 80, backends: [{ url: "https://10.0.0.1:81" }] };
const withHttps = { loadBalancers: [https] };
const withBackendKey = { loadBalancers: [{ ...https, backendTls: { keyFile: "/k" } }] };
const withBackendCertificate = { loadBalancers: [{ ...https, backendTls: { certificateFile: "/c" } }] };
const one = { singleNode: true };

/** What each plain setting may be set to. */
const ROWS: Record<string, StartRow> = {
  ...BGP_ROWS,
  "vip": { file: "10.0.0.8/24", flag: "10.0.0.7", env: "10.0.0.6", bad: "nonsense" },
  "interface": { file: "eth1", flag: "eth2", env: "eth3", bad: "a/b" },
  "gratuitousARP": { file: false, flag: "false", env: "f", bad: "maybe" },
  "announceInterval": { file: 700, flag: "800", env: "900ms", bad: "20" },
  "disableVIP": { file: true, flag: "true", env: "", bad: "2", besides: one },
  "localPeer.id": { file: "z", flag: "", env: "", bad: "a b" },
  "localPeer.address": { file: "10.0.0.4", flag: "", env: "", bad: "host" },
  "localPeer.port": { file: 1234, flag: "", env: "", bad: "70000" },
  "remotePeers[].id": { file: "z", flag: "", env: "", bad: "" },
  "remotePeers[].address": { file: "10.0.0.4", flag: "", env: "", bad: "10.0.0.04" },
  "remotePeers[].port": { file: 1234, flag: "", env: "", bad: "0" },
  "addPeersAsBackends": { file: true, flag: "true", env: "1", bad: "yep" },
  "peerSecret": { file: `${TEST_SECRET}1`, flag: "", env: `${TEST_SECRET}2`, bad: "short" },
  "peerSecretFile": { file: "/a", flag: "/b", env: "/c", bad: "d", besides: { peerSecret: "" } },
  "clusterId": { file: "x", flag: "y", env: "z", bad: "a b" },
  "singleNode": { file: true, flag: "true", env: "T", bad: "si" },
  "startAsLeader": { file: true, flag: "t", env: "TRUE", bad: "-" },
  "timing.beat": { file: 20, flag: "", env: "", bad: "1h1" },
  "timing.lease": { file: 150, flag: "", env: "", bad: "x" },
  "timing.electionMin": { file: 300, flag: "", env: "", bad: "0" },
  "timing.electionMax": { file: "1s", flag: "", env: "", bad: "2h" },
  "placement": { file: "spread", flag: "Spread", env: "leader", bad: "random" },
  "stateDir": { file: "/a", flag: "/b", env: "/c", bad: "./d" },
  "watchConfig": { file: true, flag: "true", env: "", bad: "often" },
  "logLevel": { file: "debug", flag: "5", env: "warn", bad: "loud" },
  "prometheusHTTPServer": { file: ":2113", flag: "10.0.0.1:2114", env: ":2115", bad: "2112" },
  "logFormat": { file: "json", flag: "JSON", env: "text", bad: "xml" },
  "loadBalancers[].name": { file: "n", flag: "m", env: "o", bad: "\u0007" },
  "loadBalancers[].type": { file: "tcp", flag: "TCP", env: "tcp", bad: "sctp" },
  "loadBalancers[].port": { file: 81, flag: "82", env: "83", bad: "0" },
  "loadBalancers[].bindToVip": { file: false, flag: "false", env: "0", bad: "vip" },
  "loadBalancers[].backendPort": { file: 90, flag: "91", env: "92", bad: "-1" },
  "loadBalancers[].backends[].address": { file: "10.0.0.4", flag: "", env: "", bad: "x" },
  "loadBalancers[].backends[].port": { file: 99, flag: "", env: "", bad: "70000" },
  "loadBalancers[].backends[].url": { file: "http://h:1/p", flag: "", env: "", bad: "ftp://x", besides: withHttp },
  "loadBalancers[].backends[].weight": { file: 3, flag: "", env: "", bad: "0" },
  "loadBalancers[].engine": { file: "auto", flag: "", env: "", bad: "ipvs" },
  "loadBalancers[].affinity": { file: "source", flag: "", env: "", bad: "cookie" },
  "loadBalancers[].preserveClientAddress": { file: true, flag: "", env: "", bad: "perhaps" },
  "loadBalancers[].threads": { file: 2, flag: "", env: "", bad: "17" },
  "loadBalancers[].tls.certificateFile": { file: "/c", flag: "", env: "", bad: "c", besides: withKey },
  "loadBalancers[].tls.keyFile": { file: "/k", flag: "", env: "", bad: "k", besides: withCertificate },
  "loadBalancers[].backendTls.caFile": { file: "/c", flag: "", env: "", bad: "c", besides: withHttps },
  "loadBalancers[].backendTls.serverName": { file: "a.b", flag: "", env: "", bad: "a b", besides: withHttps },
  "loadBalancers[].backendTls.certificateFile": { file: "/c", flag: "", env: "", bad: "c", besides: withBackendKey },
  "loadBalancers[].backendTls.keyFile": { file: "/k", flag: "", env: "", bad: "k", besides: withBackendCertificate },
  "loadBalancers[].acceptProxyProtocol": { file: true, flag: "", env: "", bad: "v2" },
  "loadBalancers[].sendProxyProtocol": { file: "v2", flag: "", env: "", bad: "v3" },
  "loadBalancers[].policy": { file: "least-connections", flag: "", env: "", bad: "best" },
  "loadBalancers[].connectTimeout": { file: "1s", flag: "", env: "", bad: "1" },
  "loadBalancers[].idleTimeout": { file: "1h", flag: "", env: "", bad: "1ms" },
  "loadBalancers[].maxConnections": { file: 5, flag: "", env: "", bad: "0" },
  "loadBalancers[].drain": { file: 0, flag: "", env: "", bad: "2h" },
  "loadBalancers[].healthCheck.type": { file: "http", flag: "", env: "", bad: "icmp" },
  "loadBalancers[].healthCheck.path": { file: "/z", flag: "", env: "", bad: "z" },
  "loadBalancers[].healthCheck.expect": { file: "200-204", flag: "", env: "", bad: "600" },
  "loadBalancers[].healthCheck.interval": { file: "10s", flag: "", env: "", bad: "x" },
  "loadBalancers[].healthCheck.timeout": { file: "500ms", flag: "", env: "", bad: "1" },
  "loadBalancers[].healthCheck.rise": { file: 1, flag: "", env: "", bad: "0" },
  "loadBalancers[].healthCheck.fall": { file: 9, flag: "", env: "", bad: "-3" },
  "loadBalancers[].ejection.failures": { file: 9, flag: "", env: "", bad: "0" },
  "loadBalancers[].ejection.rest": { file: "9s", flag: "", env: "", bad: "x" },
  "loadBalancers[].maxHeadBytes": { file: 4096, flag: "", env: "", bad: "3", besides: withHttp },
  "loadBalancers[].maxHeaders": { file: 50, flag: "", env: "", bad: "1", besides: withHttp },
  "loadBalancers[].headTimeout": { file: "3s", flag: "", env: "", bad: "x", besides: withHttp },
  "loadBalancers[].responseTimeout": { file: "3s", flag: "", env: "", bad: "x", besides: withHttp },
  "loadBalancers[].maxRequestBytes": { file: 9, flag: "", env: "", bad: "-1", besides: withHttp },
  "loadBalancers[].maxResponseBytes": { file: 9, flag: "", env: "", bad: "1k", besides: withHttp },
};

/** Groups that may also be one text: their flags and variables. */
const GROUPS: Record<string, StartRow> = {
  ...BGP_GROUPS,
  "localPeer": { file: {}, flag: "x:10.0.0.4:1", env: "y:10.0.0.7:2", bad: "x" },
  "remotePeers": { file: [], flag: "x:10.0.0.4:1", env: "y:10.0.0.5:2,z:10.0.0.6:3", bad: "x:y:z" },
  "timing": { file: {}, flag: "fast", env: "20,100,200,300", bad: "slow", besides: { timing: "relaxed" } },
  "loadBalancers[].backends": { file: [], flag: "10.0.0.5:1", env: "10.0.0.6:1,10.0.0.7:2", bad: "10.0.0.5" },
};

const TIMING = { beat: 50, lease: 200, electionMin: 255, electionMax: 350 };

/** `content` with `value` at `path`, lists at their first member. */
function put(content: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const [head = "", ...rest] = path.split(".");
  const name = head.replace("[]", "");
  const old = content[name];
  if (rest.length === 0) return { ...content, [name]: value };
  const first: unknown = Array.isArray(old) ? old[0] : old;
  const group = typeof first === "object" && first !== null ? { ...first } : name === "timing" ? TIMING : {};
  const inner = put(group, rest.join("."), value);
  return { ...content, [name]: Array.isArray(old) ? [inner, ...old.slice(1)] : head.endsWith("[]") ? [inner] : inner };
}

function effective(result: ConfigResult, path: string): { value: string; origin: string } | undefined {
  if (result.outcome === "invalid") throw new Error(`${path}: ${problemLines(result).join("\n")}`);
  return result.effective.find((row) => row.key === path.replaceAll("[]", "[0]"));
}

function plain(): Listed[] {
  return listSettings().filter(({ setting }) => setting.standing.is === "used" && setting.fields.length === 0);
}

const content = (path: string, row: StartRow): Record<string, unknown> => put(base(row.besides), path, row.file);
const FILES = { "/a": TEST_SECRET, "/b": TEST_SECRET, "/c": TEST_SECRET };

Deno.test("the table of this test names every setting that has an effect", () => {
  assert.deepEqual(Object.keys(ROWS).sort(), plain().map(({ path }) => path).sort());
  const groups = listSettings().filter(({ setting }) => setting.fields.length > 0 && setting.flag !== null);
  assert.deepEqual(Object.keys(GROUPS).sort(), groups.map(({ path }) => path).sort());
});

Deno.test("every setting is read from the file under each of its names, in any case", () => {
  for (const { path, setting } of plain()) {
    const row = ROWS[path];
    assert.ok(row !== undefined);
    for (const name of [setting.key, setting.key.toUpperCase(), ...setting.aliases]) {
      const spelled = path.replace(new RegExp(`${setting.key}$`), name);
      let file = base(row.besides);
      if (name !== setting.key) file = put(file, path, undefined);
      const found = effective(load(put(file, spelled, row.file), { files: FILES }), path);
      assert.match(found?.origin ?? "", /^file line \d+$/, `${spelled} ${JSON.stringify(found)}`);
    }
  }
});

Deno.test("a variable beats a flag, a flag beats the file, and an empty variable or flag is none", () => {
  let checked = 0;
  for (const { path, setting } of listSettings()) {
    const row = ROWS[path] ?? GROUPS[path];
    if (row === undefined || (setting.flag === null && setting.env.length === 0)) continue;
    const file = path in ROWS ? content(path, row) : base(row.besides);
    const origin = (env: string, flag: string): string => {
      const flags = setting.flag === null ? {} : { [setting.flag]: flag };
      const variables = setting.env.length === 0 ? {} : { [setting.env[0] ?? ""]: env };
      return effective(load(file, { env: variables, flags, files: FILES }), path)?.origin ?? "file";
    };
    if (row.env !== "") assert.equal(origin(row.env, row.flag), `env ${setting.env[0]}`, path);
    if (row.flag !== "") assert.equal(origin("", row.flag), `flag --${setting.flag}`, path);
    assert.match(origin("", " "), /^file/, path);
    checked++;
  }
  assert.equal(checked, 56);
});

Deno.test("every name of a variable works", () => {
  for (const { path, setting } of listSettings()) {
    const row = ROWS[path] ?? GROUPS[path];
    for (const name of row === undefined ? [] : setting.env) {
      const found = effective(load(base(row?.besides), { env: { [name]: row?.env ?? "" }, files: FILES }), path);
      assert.equal(found?.origin, `env ${name}`, path);
    }
  }
});

Deno.test("a value that is refused is named with its key, in every source, also where another source beats it", () => {
  for (const { path, setting } of listSettings()) {
    const row = ROWS[path] ?? GROUPS[path];
    if (row === undefined || row.bad === "") continue;
    const shown = setting.secret ? "********" : row.bad;
    const names = (result: ConfigResult, key: string): boolean =>
      result.outcome === "invalid" &&
      result.problems.some((problem) =>
        problem.key.startsWith(key) && [shown, "", ...shown.split(":")].includes(problem.value)
      );
    if (path in ROWS) {
      const inFile = load(put(base(row.besides), path, row.bad), { files: FILES });
      assert.ok(names(inFile, path.replaceAll("[]", "[0]")), `${path} ${problemLines(inFile)}`);
    }
    for (const variable of setting.env) {
      assert.ok(names(load(base(row.besides), { env: { [variable]: row.bad } }), variable), variable);
    }
    if (setting.flag !== null) {
      const flags = { [setting.flag]: row.bad };
      const env = { [setting.env[0] ?? "none"]: row.env };
      assert.ok(names(load(base(row.besides), { flags, env }), `--${setting.flag}`), `--${setting.flag}`);
    }
  }
});

Deno.test("no two settings share a name, a flag or a variable", () => {
  const flags = listSettings().flatMap(({ setting }) => setting.flag === null ? [] : [setting.flag]);
  assert.equal(new Set(flags).size, flags.length);
  const variables = listSettings().flatMap(({ setting }) => setting.env);
  assert.equal(new Set(variables).size, variables.length);
  const names = SETTINGS.flatMap((setting) => [setting.key, ...setting.aliases]).map((name) => name.toLowerCase());
  assert.equal(new Set(names).size, names.length);
});

Deno.test("every setting explains itself", () => {
  for (const { path, setting } of listSettings()) {
    assert.match(setting.help, /^[A-Z"`a-z].{5,}[^.]$/, path);
    assert.ok(setting.standing.is !== "used" || setting.kind.accepts.length > 2, path);
  }
});
