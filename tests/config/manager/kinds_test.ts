import assert from "node:assert/strict";
import { Findings, Place } from "../../../mod/config/findings.ts";
import {
  annotationMap,
  attempts,
  etcdEndpoint,
  forwardingMethod,
  goDuration,
  healthUrl,
  instanceName,
  leaseName,
  listen,
  logLevel,
  managed,
  quoted,
  serverAddress,
} from "../../../mod/config/manager/kinds.ts";
import { INVALID, type Kind, showValue } from "../../../mod/config/setting.ts";

function read<T>(kind: Kind<T>, text: string): { value: T | null; shown: string; findings: Findings } {
  const findings = new Findings();
  const value = kind.fromText(text, new Place(findings, "x"));
  return { value: value === INVALID ? null : value, shown: value === INVALID ? "-" : showValue(value), findings };
}

function table<T>(kind: Kind<T>, rows: Readonly<Record<string, string>>): void {
  for (const [text, wanted] of Object.entries(rows)) {
    const { shown, findings } = read(kind, text);
    assert.equal(shown, wanted, text);
    if (wanted === "-") assert.equal(findings.problems.length, 1, text);
  }
}

Deno.test("levels are slog's numbers, two numbers of logrus, or words", () => {
  const rows: Record<string, string> = { "-8": "debug", "-4": "debug", "-1": "debug", "0": "info", "1": "warning" };
  Object.assign(rows, { "4": "warning", "5": "debug", "6": "debug", "7": "error", "8": "error", "12": "error" });
  table(logLevel, { ...rows, Debug: "debug", WARN: "warning", warning: "warning", error: "error", x: "-", "1.0": "-" });
  const refused = read(logLevel, "x").findings.problems[0]?.message ?? "";
  assert.match(refused, /^unable to parse environment variable \[vip_loglevel\], should be int: must be debug, info/);
});

Deno.test("durations are Go's", () => {
  table(goDuration, { "0": "0", "0s": "0s", "1h2m3.5s": "1h2m3.5s", "5us": "5us", "5": "-", "-1s": "-", "1d": "-" });
});

Deno.test("a Lease has a name, with or without a namespace", () => {
  table(leaseName, {
    "a": "a",
    "a.b-c": "a.b-c",
    "n/a.b": "n/a.b",
    "n.m/a": "-",
    "/a": "-",
    "n/": "-",
    "A": "-",
    "a_": "-",
  });
  assert.deepEqual(read(leaseName, "n/a").value, { namespace: "n", name: "a", shown: "n/a" });
  assert.equal(read(leaseName, `${"a".repeat(63)}.`.repeat(4) + "a").value, null);
});

Deno.test("a place to listen on is a port with or without an IP address, or nothing", () => {
  table(listen, {
    "": "",
    ":0": ":0",
    "1.2.3.4:5": "1.2.3.4:5",
    "[::1]:5": "[::1]:5",
    "::1:5": "-",
    "[1.2.3.4]:65536": "-",
  });
  assert.deepEqual(read(listen, "[::1]:5").value?.at, { host: "::1", port: 5 });
  assert.equal(read(listen, "").value?.at, null);
});

Deno.test("annotations are a JSON object of texts, whatever their order", () => {
  table(annotationMap, { "{}": "", '{"b":"1","a":"2"}': '{"a":"2","b":"1"}', '{"a":null}': "-", "[]": "-", "x": "-" });
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, ""]));
  assert.equal(read(annotationMap, JSON.stringify(many)).value, null);
  assert.equal(read(annotationMap, `{"a":"${"x".repeat(20_000)}"}`).value, null);
});

Deno.test("an instance's name is refused in upstream's words", () => {
  const message = (text: string): string => read(instanceName, text).findings.problems[0]?.message ?? "";
  assert.equal(
    message("bad!name"),
    "instance_name \"bad!name\" contains invalid character '!' at byte 3; only ASCII letters, digits, '.', '-' and '_' are allowed",
  );
  assert.match(message("é\n"), /contains invalid character 'é' at byte 0/);
  assert.match(message("aé\n"), /at byte 1/);
  assert.match(message("a".repeat(244)), /instance_name is 244 bytes, must not exceed 243 bytes/);
  table(instanceName, { "release_01.prod-a": "release_01.prod-a", ["a".repeat(243)]: "a".repeat(243), "a\0": "-" });
  assert.equal(quoted('a"\n\u202e'), String.raw`"a\"\n\u202e"`);
});

Deno.test("unknown ways to forward, and negative attempts, are replaced with a warning", () => {
  for (const [kind, text, shown] of [[forwardingMethod, "teleport", "local"], [attempts, "-1", "3"]] as const) {
    const one = read<string | number>(kind, text);
    assert.deepEqual([one.shown, one.findings.warnings.length, one.findings.problems.length], [shown, 1, 0]);
  }
  table(forwardingMethod, { Masquerade: "masquerade", local: "local" });
  table(attempts, { "0": "0", "4294967295": "4294967295", "4294967296": "-", "x": "-" });
});

Deno.test("servers are hosts, host:port or URLs without anything else", () => {
  table(etcdEndpoint, {
    "a:1": "a:1",
    "https://[::1]:2379/": "https://[::1]:2379",
    "a/b": "-",
    "unix:///x": "-",
    " ": "-",
  });
  table(serverAddress, {
    "a": "a",
    "a:1": "a:1",
    "fd00::1": "fd00::1",
    "https://a:1": "https://a:1",
    "a b": "-",
    "x://y": "-",
  });
});

Deno.test("the URL of the health check is refused in upstream's words, and its password is masked", () => {
  const message = (text: string): string => read(healthUrl, text).findings.problems[0]?.message ?? "";
  const name = "control_plane_health_check_address";
  assert.match(message("not-a-url"), new RegExp(`^${name} "not-a-url" is not a valid URL: `));
  assert.equal(message("ftp://x"), `${name} "ftp://x" has unsupported scheme "ftp", expected http or https`);
  assert.equal(
    message("localhost:6443/livez"),
    `${name} "localhost:6443/livez" has unsupported scheme "localhost", expected http or https`,
  );
  assert.match(message("https:/livez"), /it names no host/);
  const good = read(healthUrl, "https://me:hush@h:1/livez");
  assert.deepEqual([good.shown, good.value?.url?.host], ["https://********@h:1/livez", "h:1"]);
});

Deno.test("a setting of manager takes the first of two names", () => {
  const one = managed({ key: "k", kind: goDuration, fallback: "0s", help: "K" });
  assert.deepEqual([one.rivals, one.commands], ["first", ["manager", "service"]]);
});
