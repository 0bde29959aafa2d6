/** What has to hold for the control plane's addresses, the Lease and the health check. */

import type { Given } from "../section.ts";
import { checkTwins, type NamedAddress, prefixLengths, toAddress } from "./addresses.ts";
import type { Readings } from "./readings.ts";
import { MANAGER } from "./settings.ts";
import type { GivenAddress, HealthSettings, LeaseTimes, ManagerConfig } from "./types.ts";

interface ControlPlane {
  readonly addresses: readonly GivenAddress[];
  readonly prefixLengths: ManagerConfig["prefixLengths"];
}

/** The addresses that are kept; `on` if the control plane is wanted. */
export function readAddresses(readings: Readings, on: boolean): ControlPlane {
  const address = readings.get(MANAGER.address.address);
  const vip = readings.get(MANAGER.address.vip);
  const chosen = address.origin === "default" ? vip : address;
  if (address.value.length > 0 && vip.value.length > 0) vip.place.warning("has no effect: address is given");
  if (on && chosen.origin === "default") {
    address.place.problem("is missing: give the virtual address of the control plane, for example 192.168.0.75");
  }
  checkTwins(chosen.value);
  return {
    addresses: chosen.value.map(toAddress),
    prefixLengths: readSubnet(readings, chosen, on && chosen === vip),
  };
}

function readSubnet(
  readings: Readings,
  addresses: Given<readonly NamedAddress[]>,
  needed: boolean,
): ManagerConfig["prefixLengths"] {
  const { value, place, origin } = readings.get(MANAGER.address.subnet);
  if (origin === "default" && needed && addresses.origin !== "default") {
    place.problem(
      "vip_subnet must be set if using vip_address instead of address environment variable; give it, for example 32",
    );
  }
  if (value === null) return prefixLengths([], addresses.value);
  if (value.auto) {
    if (!readings.value(MANAGER.modes.arp)) {
      place.problem("auto subnet discovery cannot be used outside ARP mode; give the prefix length", value.shown);
    }
    if (addresses.value.length > 0) {
      place.problem(
        "auto subnet discovery cannot be used if VIP address was provided; give the prefix length, or nothing",
        value.shown,
      );
    }
    return prefixLengths([], addresses.value);
  }
  const onlyFour = addresses.value.length > 0 && addresses.value.every(({ ip }) => ip?.family === 4);
  if (onlyFour && value.lengths.every((length) => length > 32)) {
    place.problem("must be a prefix length from 1 to 32, as every address is IPv4", value.shown);
  }
  return prefixLengths(value.lengths, addresses.value);
}

/** client-go's random addition to the retry period (`leaderelection.JitterFactor`). */
const JITTER_FACTOR = 1.2;

/** The Lease's times, which client-go would panic about if they did not fit together. */
export function readLeaseTimes(readings: Readings): LeaseTimes {
  const duration = readings.get(MANAGER.election.duration);
  const renew = readings.get(MANAGER.election.renewDeadline);
  const retry = readings.get(MANAGER.election.retryPeriod);
  const valid = [duration, renew, retry].every(({ origin }) => origin !== "invalid");
  if (valid && duration.value <= renew.value) {
    given(duration, renew).place.problem(
      `leaseDuration must be greater than renewDeadline: vip_leaseduration is ${duration.value} seconds, ` +
        `vip_renewdeadline ${renew.value}`,
      String(given(duration, renew).value),
    );
  }
  if (valid && renew.value <= JITTER_FACTOR * retry.value) {
    given(renew, retry).place.problem(
      `renewDeadline must be greater than retryPeriod*JitterFactor: vip_renewdeadline is ${renew.value} seconds, ` +
        `vip_retryperiod ${retry.value} times ${JITTER_FACTOR}`,
      String(given(renew, retry).value),
    );
  }
  return { durationMs: duration.value * 1000, renewDeadlineMs: renew.value * 1000, retryMs: retry.value * 1000 };
}

/** The one of both that somebody gave. */
function given<T>(first: Given<T>, second: Given<T>): Given<T> {
  return first.origin === "default" ? second : first;
}

/** Without a URL the API server of this node is asked, more often: a dead one is to be noticed within three seconds. */
const OWN_CHECK = { periodSeconds: 1, timeoutSeconds: 1 };

/** The check of the right to hold. */
export function readHealth(readings: Readings): HealthSettings {
  const { url } = readings.value(MANAGER.check.address);
  const period = readings.get(MANAGER.check.period);
  const timeout = readings.get(MANAGER.check.timeout);
  const threshold = readings.value(MANAGER.check.failureThreshold);
  const caPath = readings.value(MANAGER.check.caPath);
  return {
    url,
    periodMs: 1000 * orDefault(period, url === null ? OWN_CHECK.periodSeconds : MANAGER.check.period.fallback),
    timeoutMs: 1000 * orDefault(timeout, url === null ? OWN_CHECK.timeoutSeconds : MANAGER.check.timeout.fallback),
    failureThreshold: threshold === 0 ? MANAGER.check.failureThreshold.fallback : threshold,
    caPath: caPath === "" ? null : caPath,
  };
}

function orDefault(given: Given<number>, fallback: number): number {
  return given.origin === "default" || given.value === 0 ? fallback : given.value;
}

const LEAST_RATE_MS = 500;

/** How often announcements are repeated. */
export function readArpRate(readings: Readings): number {
  const { value, place } = readings.get(MANAGER.network.arpRate);
  if (value >= LEAST_RATE_MS) return value;
  const { fallback } = MANAGER.network.arpRate;
  place.warning(`is less than ${LEAST_RATE_MS}, ${fallback} is taken; must be milliseconds`, String(value));
  return fallback;
}
