import assert from "node:assert/strict";
import { load, loadBare, mustLoad, problemLines, vars, warningLines } from "./helpers.ts";

const ARP = vars("vip_arp=true", "cp_enable=true");

Deno.test("the old name of the address needs a subnet and gives way to the new one", () => {
  const lines = (env: Record<string, string>): string[] => problemLines(loadBare({ env: { ...ARP, ...env } }));
  assert.match(
    lines({ vip_address: "10.0.0.1" }).join(),
    /^vip_subnet: vip_subnet must be set if using vip_address instead of address environment variable/,
  );
  assert.deepEqual(lines({ vip_address: "10.0.0.1", vip_subnet: "24" }), []);
  assert.deepEqual(lines({ address: "10.0.0.1" }), []);
  const both = load({ env: { vip_address: "10.0.0.1" } });
  assert.deepEqual(warningLines(both), ["vip_address: has no effect: address is given"]);
  assert.deepEqual(both.outcome === "valid" && both.config.addresses, [{ is: "ip", ip: "192.168.0.40" }]);
});

Deno.test("subnets that cannot be meant are refused", () => {
  const lines = (env: Record<string, string>): string => problemLines(load({ env })).join("\n");
  assert.match(
    lines({ vip_subnet: "auto" }),
    /^vip_subnet "auto": auto subnet discovery cannot be used if VIP address was provided/,
  );
  assert.match(
    lines({ vip_subnet: "auto,auto", vip_arp: "false", bgp_enable: "true", address: "" }),
    /vip_subnet "auto,auto": auto subnet discovery cannot be used outside ARP mode/,
  );
  assert.match(
    lines({ vip_subnet: "64" }),
    /^vip_subnet "64": must be a prefix length from 1 to 32, as every address is IPv4$/,
  );
  assert.equal(lines({ vip_subnet: "32,64" }), "");
});

Deno.test("an address given twice is refused", () => {
  assert.match(
    problemLines(load({ env: { address: "fd00::1,FD00::1" } })).join(),
    /address "fd00::1": is listed twice/,
  );
});

Deno.test("times of the Lease fit together as client-go wants them, and the setting that was given is named", () => {
  const rows: [Record<string, string>, RegExp | null][] = [
    [
      { vip_leaseduration: "5" },
      /^vip_leaseduration "5": leaseDuration must be greater than renewDeadline: .* 5 seconds, vip_renewdeadline 10$/,
    ],
    [{ vip_renewdeadline: "15" }, /^vip_renewdeadline "15": leaseDuration must be greater than renewDeadline/],
    [{ vip_retryperiod: "9" }, /^vip_retryperiod "9": renewDeadline must be greater than retryPeriod\*JitterFactor/],
    [{ vip_renewdeadline: "6", vip_retryperiod: "5" }, /^vip_renewdeadline "6": renewDeadline must be greater/],
    [{ vip_retryperiod: "8" }, null],
    [{ vip_leaseduration: "5", vip_renewdeadline: "3", vip_retryperiod: "1" }, null],
    [{ vip_leaseduration: "11" }, null],
  ];
  for (const [env, pattern] of rows) {
    const lines = problemLines(load({ env }));
    assert.equal(lines.length, pattern === null ? 0 : 1, lines.join());
    if (pattern !== null) assert.match(lines[0] ?? "", pattern);
  }
  assert.equal(problemLines(load({ env: { vip_leaseduration: "x" } })).length, 1);
});

Deno.test("the check of a URL has upstream's times, and zero is the default", () => {
  const name = "control_plane_health_check";
  const url = { [`${name}_address`]: "https://127.0.0.1:6443/livez" };
  const health = (env: Record<string, string>): unknown[] => {
    const { periodMs, timeoutMs, failureThreshold, caPath } = mustLoad({ env }).health;
    return [periodMs, timeoutMs, failureThreshold, caPath];
  };
  assert.deepEqual(health(url), [5000, 3000, 3, null]);
  const own = { [`${name}_period_seconds`]: "2", [`${name}_timeout_seconds`]: "4", [`${name}_ca_path`]: "/ca" };
  const all = { ...own, [`${name}_failure_threshold`]: "1" };
  assert.deepEqual(health({ ...url, ...all }), [2000, 4000, 1, "/ca"]);
  const zero = { [`${name}_period_seconds`]: "0", [`${name}_failure_threshold`]: "0" };
  assert.deepEqual(health({ ...url, ...zero }), [5000, 3000, 3, null]);
  assert.equal(mustLoad({ env: url }).health.url?.href, "https://127.0.0.1:6443/livez");
  const warned = (env: Record<string, string>): string[] => load({ env }).warnings.map(({ key }) => key);
  assert.deepEqual(warned({ ...url, ...all }), []);
  assert.deepEqual(warned(zero), []);
  assert.deepEqual(warned(all).sort(), Object.keys(all).sort());
});

Deno.test("announcements more often than twice a second are upstream's default, with a warning", () => {
  for (
    const [rate, wanted] of [["499", 3000], ["-5", 3000], ["0", 3000], ["500", 500], ["3600000", 3_600_000]] as const
  ) {
    const result = load({ env: { vip_arpRate: rate } });
    assert.equal(result.outcome === "valid" && result.config.announceEveryMs, wanted);
    assert.equal(result.warnings.length, wanted === 3000 ? 1 : 0, rate);
  }
});

Deno.test("the grace time of a link that is down counts only when it is asked for", () => {
  assert.equal(mustLoad({ env: { vip_loseleadership_timeout_seconds: "5" } }).linkDownMs, null);
  const env = vars("vip_loseleadership=true", "vip_loseleadership_timeout_seconds=5");
  assert.equal(mustLoad({ env }).linkDownMs, 5000);
});
