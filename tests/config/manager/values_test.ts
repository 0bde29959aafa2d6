import assert from "node:assert/strict";
import { valueName } from "../../../mod/config/manager/values.ts";
import { MANAGER } from "../../../mod/config/manager/settings.ts";
import type { SettingValue } from "../../../mod/config/manager/types.ts";
import { type Given, problemLines, values } from "./helpers.ts";

function value(name: string, given: Given): SettingValue {
  const result = values(given);
  if (result.outcome === "invalid") throw new Error(problemLines(result).join("\n"));
  return result.values.get(name) ?? assert.fail(name);
}

Deno.test("without anything given, only what upstream derives has a text of its own", () => {
  const result = values({});
  assert.ok(result.outcome === "valid");
  for (const one of result.values.values()) assert.ok(!one.given && !one.changed, one.name);
  assert.equal(result.values.get("dhcp_mode")?.text, "ipv4");
  assert.equal(result.values.get("vip_subnet")?.text, "");
  assert.equal([...result.values.keys()][0], "vip_arp");
});

Deno.test("the subnet and the DHCP mode follow the address and the DNS mode, unless they are given", () => {
  const subnet = (flags: Record<string, string>): string => value("vip_subnet", { flags }).text;
  assert.equal(subnet({ address: "10.0.0.1" }), "32");
  assert.equal(subnet({ address: "10.0.0.1,fd00::1" }), "32,128");
  assert.equal(subnet({ address: "10.0.0.1", vipSubnet: "24" }), "24");
  assert.equal(subnet({ vip: "10.0.0.1" }), "");
  const mode = (flags: Record<string, string>): string => value("dhcp_mode", { flags }).text;
  assert.equal(mode({ dnsMode: "dual" }), "dual");
  assert.equal(mode({ dnsMode: "ipv6", dhcpMode: "ipv4" }), "ipv4");
});

Deno.test("texts are as a variable would say them, secrets among them", () => {
  assert.deepEqual(value("bgp_peerpass", { flags: { peerPass: "hush" } }), {
    name: "bgp_peerpass",
    text: "hush",
    given: true,
    changed: true,
    secret: true,
  });
  assert.equal(value("address", { flags: { address: "FD00::1, Vip.Example" } }).text, "FD00::1,Vip.Example");
  assert.equal(value("vip_loglevel", { flags: { log: "debug" } }).text, "-4");
  const url = "https://a:b@c/";
  const check = { flags: { controlPlaneHealthCheckAddress: url } };
  const address = value("control_plane_health_check_address", check);
  assert.deepEqual([address.text, address.secret], [url, true]);
  assert.equal(value("port", { flags: { port: "06443" } }).changed, false);
  const off = value("prometheus_server", { env: { prometheus_server: "" } });
  assert.deepEqual([off.text, off.given, off.changed], ["", true, true]);
});

Deno.test("a setting is named by its variable, else its flag, else its key", () => {
  assert.equal(valueName(MANAGER.modes.arp), "vip_arp");
  assert.equal(valueName({ ...MANAGER.modes.arp, env: [] }), "arp");
  assert.equal(valueName({ ...MANAGER.modes.arp, env: [], flag: null }), "enableARP");
});
