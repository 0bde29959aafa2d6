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

/** The check of the right to hold. */
export function readHealth(readings: Readings): HealthSettings {
  const { address, period, timeout, failureThreshold, caPath } = MANAGER.check;
  const { url } = readings.value(address);
  const numbers = [period, timeout, failureThreshold].map((setting) => {
    const given = readings.get(setting);
    if (url === null && given.value !== setting.fallback && given.value !== 0) warnOfNoUrl(given);
    return given.value === 0 ? setting.fallback : given.value;
  });
  const path = readings.get(caPath);
  if (url === null && path.value !== "") warnOfNoUrl(path);
  const [periodSeconds = period.fallback, timeoutSeconds = timeout.fallback, failures = failureThreshold.fallback] =
    numbers;
  return {
    url,
    periodMs: 1000 * periodSeconds,
    timeoutMs: 1000 * timeoutSeconds,
    failureThreshold: failures,
    caPath: path.value === "" ? null : path.value,
  };
}

/** Upstream checks nothing then; here the API server of this node is asked, as often as a hand-over within three seconds takes. */
function warnOfNoUrl({ place, value }: Given<unknown>): void {
  place.warning(
    "has no effect without control_plane_health_check_address: the API server of this node is asked at times of its own",
    String(value),
  );
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
