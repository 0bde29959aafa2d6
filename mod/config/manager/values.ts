/** All settings as the environment of a manifest would say them. */

import type { BgpPeers } from "../bgp/peer_string.ts";
import { isHarmlessText } from "../tree.ts";
import { MASK } from "../findings.ts";
import { type Setting, showValue } from "../setting.ts";
import { computedSubnet } from "./addresses.ts";
import type { Readings } from "./readings.ts";
import { MANAGER } from "./settings.ts";
import type { SettingValue } from "./types.ts";

/** By name, in the order of the table; what upstream works out from others (subnet, DHCP mode) is worked out. */
export function settingValues(readings: Readings): ReadonlyMap<string, SettingValue> {
  const derived = new Map<Setting<unknown>, string>([
    [MANAGER.address.subnet, derivedSubnet(readings)],
    [MANAGER.address.dhcpMode, derivedDhcpMode(readings)],
  ]);
  const values = new Map<string, SettingValue>();
  for (const setting of readings.settings) {
    const value = valueOf(setting, readings, derived.get(setting));
    values.set(value.name, value);
  }
  for (const setting of [MANAGER.bgpConfig.peers, MANAGER.topPeers]) warnBeyondText(readings.value(setting));
  return withTopPeers(values, readings);
}

/** What only a file can say of a peer is not in its text. */
function warnBeyondText({ peers }: BgpPeers): void {
  for (const { beyondText, place } of peers) {
    if (beyondText.length === 0) continue;
    place.warning(`has ${beyondText.join(", ")}, which no variable can carry: the manifest is without them`);
  }
}

/** The name a setting has among the values: its first variable, or else its flag, or else its key. */
export function valueName(setting: Setting<unknown>): string {
  return setting.env[0] ?? setting.flag ?? setting.key;
}

function valueOf(setting: Setting<unknown>, readings: Readings, derived: string | undefined): SettingValue {
  const { value, origin } = readings.get(setting);
  const given = origin === "env" || origin === "flag" || origin === "file";
  const text = setting.envText(value);
  return {
    name: valueName(setting),
    text: given ? text : derived ?? text,
    given,
    changed: given && text !== setting.envText(setting.fallback),
    secret: setting.secret || showValue(value).includes(MASK),
  };
}

/** Upstream's `32`, `128` or `32,128` for the address; empty without one. */
function derivedSubnet(readings: Readings): string {
  const dnsMode = readings.value(MANAGER.address.dnsMode);
  return computedSubnet(readings.value(MANAGER.address.address), dnsMode);
}

function derivedDhcpMode(readings: Readings): string {
  const dnsMode = readings.value(MANAGER.address.dnsMode);
  return dnsMode === "first" ? "ipv4" : dnsMode;
}

/** A file may list the peers at its top. */
function withTopPeers(values: Map<string, SettingValue>, readings: Readings): ReadonlyMap<string, SettingValue> {
  const top = values.get(valueName(MANAGER.topPeers));
  const usual = valueName(MANAGER.bgpConfig.peers);
  values.delete(valueName(MANAGER.topPeers));
  if (top === undefined || isHarmlessText(top.text)) return values;
  const given = readings.get(MANAGER.topPeers);
  if (values.get(usual)?.given === true) given.place.warning("has no effect: bgpConfig.peers or bgp_peers is given");
  else values.set(usual, { ...top, name: usual });
  return values;
}
