import assert from "node:assert/strict";
import { Findings, formatProblem, MASK, Place, printable } from "../../mod/config/findings.ts";
import { load, problemLines } from "./helpers.ts";

Deno.test("a finding is one line: place, key, value, message", () => {
  const findings = new Findings();
  const top = new Place(findings);
  top.below("a", 3).below(2).below("b").problem("must be c", "d");
  top.elsewhere("--flag").problem("must be e");
  top.below("s", 4).secret().below("t").warning("is odd", "hush");
  assert.deepEqual(findings.problems.map((one) => formatProblem(one, "f.yaml")), [
    'f.yaml:3: a[2].b "d": must be c',
    "--flag: must be e",
  ]);
  assert.deepEqual(findings.warnings.map((one) => formatProblem(one, null)), ['s.t "********": is odd']);
});

Deno.test("untrusted text cannot break the line, colour the terminal or fill it", () => {
  assert.equal(printable("a\nb\x1b[31mc\u202e\u2028"), "a\\u000ab\\u001b[31mc\\u202e\\u2028");
  assert.equal(printable("x".repeat(200)), `${"x".repeat(80)}…`);
  assert.equal(printable("größe ok"), "größe ok");
});

const WRONG = `localPeer: {id: "a b", address: 10.0.0.1, prot: 1}
remotePeers:
- {id: b, address: 10.0.0.2, port: 70000}
- {id: b, address: 10.0.0.3}
- {id: c, address: 10.0.0.2}
- {id: d, address: fd00::1}
- {id: e, address: node-e.example.org}
vip: [10.0.0.2, 224.0.0.1, 0.0.0.0, 127.0.0.1, "fe80::1", "::ffff:10.0.0.1", kube.example.org, 10.0.0.1/33, 10.0.0.2]
interfaec: eth0
interface: a-name-that-is-too-long
gratuitousARP: maybe
announceInterval: 100
enablePacket: true
timing: {beat: 4, lease: 7, electionMin: 11, electionMax: 11}
loadBalancers:
- {type: tcp, engine: kernel, idleTimeout: 1m, port: 53, backends: [{address: 10.0.0.1, port: 53}]}
- {port: 53, backends: []}
- {type: http, port: 80, backends: [{url: "https://10.0.0.1"}, {url: "10.0.0.1:80"}, {url: "http://u:p@h/"}, {url: "http://h/?q"}]}
- {port: 81, bindToVip: true, backends: [{address: 10.0.0.2, port: 81}, {address: 10.0.0.4}, {url: "http://h/"}]}
- {port: 82, policy: random, connectTimeout: 5h, backends: [{address: 10.0.0.1, port: 82, wieght: 2}]}
- {port: 83, healthCheck: {interval: 1s, timeout: 2s}, ejection: [1], backends: [10.0.0.5:83]}
`;

const LINES = [
  'config.yaml:1: localPeer.id "a b": must be 1 to 64 printable characters without spaces, colons and commas',
  "config.yaml:1: localPeer.prot: is not a known setting; did you mean port?",
  'config.yaml:3: remotePeers[0].port "70000": must be a port from 1 to 65535',
  'config.yaml:7: remotePeers[4].address "node-e.example.org": must be an IP address (a host name is not one)',
  'config.yaml:8: vip[1] "224.0.0.1": is a multicast address; must be an address that machines of the network can reach',
  'config.yaml:8: vip[2] "0.0.0.0": is the unspecified address; must be an address that machines of the network can reach',
  'config.yaml:8: vip[3] "127.0.0.1": is a loopback address; must be an address that machines of the network can reach',
  'config.yaml:8: vip[4] "fe80::1": is an IPv6 link-local address; must be an address that machines of the network can reach',
  'config.yaml:8: vip[5] "::ffff:10.0.0.1": is an IPv4 address in IPv6 form; must be an address that machines of the network ' +
  "can reach",
  'config.yaml:8: vip[6] "kube.example.org": is a DNS name, which belongs to a later feature; give an IP address',
  'config.yaml:8: vip[7] "10.0.0.1/33": must be an IPv4 or IPv6 address, with or without /prefix',
  'config.yaml:8: vip[0] "10.0.0.2": is the address of member b (remotePeers[0]); must be an address of no machine',
  'config.yaml:8: vip[8] "10.0.0.2": is listed twice; give each address once',
  'config.yaml:8: vip[8] "10.0.0.2": is the address of member b (remotePeers[0]); must be an address of no machine',
  "config.yaml:9: interfaec: is not a known setting; did you mean interface?",
  'config.yaml:10: interface "a-name-that-is-too-long": must be the name of an interface, like eth0',
  'config.yaml:11: gratuitousARP "maybe": must be true or false, not text',
  'config.yaml:12: announceInterval "100": must be a duration from 500ms to 1h (a number of milliseconds, or like 250ms, 5s, 1m)',
  'config.yaml:13: enablePacket "true": belongs to Equinix Metal (Packet) support, which this command does not have; remove it',
  'config.yaml:14: timing.beat "4ms": must be at least 5ms',
  'config.yaml:14: timing.lease "7ms": must be at least twice the beat (8ms), so that one lost beat does not end it',
  'config.yaml:14: timing.electionMin "11ms": must be more than lease × 1.02 + beat (11.14ms), or two members could lead at one time',
  'config.yaml:14: timing.electionMax "11ms": must be more than electionMin (11ms), or members would stand at one moment for ever',
  "config.yaml:16: loadBalancers[0].idleTimeout: is more than the kernel can do; remove it, or use engine user or listen without what only " +
  "the kernel does",
  'config.yaml:17: loadBalancers[1].port "53": is the port of loadBalancers[0] (tcp-53); every load balancer needs its own',
  "config.yaml:17: loadBalancers[1].backends: is missing: must list at least one backend, {address, port} or {url}",
  'config.yaml:18: loadBalancers[2].backends[1].url "10.0.0.1:80": Unable to parse, ensure it\'s prefixed with http:// or https:// and names a host',
  'config.yaml:18: loadBalancers[2].backends[2].url "http://********@h/": must not contain a user name or password',
  'config.yaml:18: loadBalancers[2].backends[3].url "http://h/?q": must not contain a query or a fragment',
  'config.yaml:19: loadBalancers[3].backends[0] "10.0.0.2:81": is this load balancer itself; must be another port or a machine behind it',
  "config.yaml:19: loadBalancers[3].backends[1].port: is missing: give the backend a port, or the load balancer a backendPort",
  'config.yaml:19: loadBalancers[3].backends[2] "http://h/": is a URL, which only load balancers of type http use; must be {address, port}',
  'config.yaml:20: loadBalancers[4].policy "random": must be round-robin or least-connections',
  'config.yaml:20: loadBalancers[4].connectTimeout "5h": must be a duration from 10ms to 1m (a number of milliseconds, or like ' +
  "250ms, 5s, 1m)",
  "config.yaml:20: loadBalancers[4].backends[0].wieght: is not a known setting; did you mean weight?",
  'config.yaml:21: loadBalancers[5].healthCheck.timeout "2s": must be at most the interval, 1s',
  "config.yaml:21: loadBalancers[5].ejection: must be {failures, rest}, or false",
  'vip_loglevel "loud": must be debug, info, warning or error, or a number: 2 error, 3 warning, 4 info, 5 debug',
];

Deno.test("a file full of mistakes gives all of them at once, one line each, in the order of the file", () => {
  const result = load(WRONG, { env: { vip_loglevel: "loud" } });
  assert.deepEqual(new Set(problemLines(result)), new Set(LINES));
  const lines = problemLines(result).map((line) => Number(/^config.yaml:(\d+)/.exec(line)?.[1] ?? Infinity));
  assert.deepEqual(lines, lines.toSorted((a, b) => a - b || 0));
});

Deno.test("a login inside of a URL is never shown, neither in a finding nor in the dump", () => {
  const findings = new Findings();
  const place = new Place(findings, "kubernetes_addr");
  place.problem("is refused", "https://admin:hunter2@10.0.0.1:6443/x");
  place.effective("kubernetes_addr", "https://admin:hunter2@10.0.0.1", "env");
  assert.equal(findings.problems[0]?.value, `https://${MASK}@10.0.0.1:6443/x`);
  assert.equal(findings.effective[0]?.value, `https://${MASK}@10.0.0.1`);
});
