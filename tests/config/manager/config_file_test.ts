import assert from "node:assert/strict";
import { managerConfigFile, parseConfigFile, unreadable } from "../../../mod/config/manager/config_file.ts";
import { Findings } from "../../../mod/config/findings.ts";
import { loadBare, mustLoad, problemLines } from "./helpers.ts";

Deno.test("the file is the one of the variable, else of the flag, else none", () => {
  assert.equal(managerConfigFile({ config_file: " /a.yaml " }, { "config-file": "/b" }), "/a.yaml");
  assert.equal(managerConfigFile({ config_file: "" }, { "config-file": "/b" }), "/b");
  assert.equal(managerConfigFile({ config_file: " " }, {}), null);
  assert.equal(managerConfigFile({}, {}), null);
});

const EXAMPLE = `
logging: -4
enableARP: true
enableControlPlane: true
address: "192.168.1.100"
interface: eth0
vipSubnet: "32"
debounceTime: 0s
dhcpBackoffAttempts: 3
bgpConfig:
  routerID: 192.168.1.1
  peers:
  - {address: 192.168.1.2, as: 65001, port: 179, multiHop: false}
`;

Deno.test("upstream's example is read, and so is the same as JSON", () => {
  const config = mustLoad({ env: { vip_arp: "", cp_enable: "", address: "" }, content: EXAMPLE });
  assert.deepEqual([config.interface, config.logLevel, config.addresses], [
    "eth0",
    "debug",
    [{ is: "ip", ip: "192.168.1.100" }],
  ]);
  const json = { enableARP: true, enableControlPlane: true, address: "192.168.1.100", leaseDuration: 20 };
  const result = loadBare({ content: json, file: "/etc/kube-vip/config.JSON" });
  assert.equal(result.outcome === "valid" && result.config.lease.times.durationMs, 20_000);
});

Deno.test("a file that cannot be used is refused in upstream's words", () => {
  const rows: [file: string, text: string, RegExp][] = [
    [
      "config.toml",
      "a = 1",
      /loading config file: unsupported config file format .toml. Supported formats: .json, .yaml, .yml$/,
    ],
    ["config", "", /unsupported config file format \. Supported/],
    ["a.json/config", "", /unsupported config file format/],
    ["c.json", "enableARP: true", /^c.json: loading config file: failed to parse JSON config file/],
    ["c.json", "{", /failed to parse JSON config file/],
    ["c.yaml", "a: [1", /failed to parse YAML config file/],
    ["c.yml", "a: 1\na: 2", /failed to parse YAML config file: has the key "a" twice/],
    ["c.yaml", "- 1", /failed to parse YAML config file: must be a mapping/],
    [" ", "", /config_file: loading config file: config file path is empty/],
  ];
  for (const [file, content, pattern] of rows) {
    const lines = problemLines(loadBare({ file, content })).map((line) => line.replace(/^config.yaml:\d+: /, ""));
    assert.ok(lines.some((line) => pattern.test(line)), `${file} ${lines}`);
    assert.equal(parseConfigFile(file, content, new Findings()), null);
  }
  assert.equal(unreadable("/x", true, ""), "loading config file: config file does not exist: /x");
  assert.equal(unreadable("/x", false, "why"), "loading config file: failed to read config file /x: why");
});

Deno.test("an empty file is one without settings, and none is neither", () => {
  assert.deepEqual(parseConfigFile("c.yaml", "", new Findings())?.entries, []);
  assert.deepEqual(parseConfigFile(null, null, new Findings())?.entries, []);
});

Deno.test("unknown keys are errors at every depth, with what was meant", () => {
  const content =
    "intreface: a\nbgpConfig:\n  routerid: 1.1.1.1\n  zebra: {urll: x}\netcd: []\nbgpPeerConfig: {ass: 1}\n";
  const lines = problemLines(loadBare({ content }));
  const wanted = [
    "config.yaml:1: intreface: is not a known setting; did you mean interface?",
    "config.yaml:4: bgpConfig.zebra.urll: is not a known setting; did you mean url?",
    'config.yaml:5: etcd "[]": must be a mapping, not a list',
    "config.yaml:6: bgpPeerConfig.ass: is not a known setting; did you mean as?",
  ];
  for (const line of wanted) assert.ok(lines.includes(line), `${line}\n${lines.join("\n")}`);
});

Deno.test("one file does not name another", () => {
  assert.match(
    problemLines(loadBare({ content: "configFile: /x.yaml" })).join(),
    /configFile "\/x.yaml": is of no use in a file/,
  );
});
