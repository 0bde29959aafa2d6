import assert from "node:assert/strict";
import { cpuSeconds, kibibyteField, parseIperf, parseWrk } from "./parse.ts";

const WRK = `Running 1s test @ http://10.98.0.3:80/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   597.85us  421.03us   9.43ms   95.56%
    Req/Sec    55.17k     6.29k   62.50k    80.00%
  60490 requests in 1.10s, 10.42MB read
Requests/sec:  54981.22
Transfer/sec:      9.47MB
`;
const WRK_TROUBLED = WRK.replace(
  "Requests/sec:",
  "  Socket errors: connect 0, read 12, write 0, timeout 3\n  Non-2xx or 3xx responses: 7\nRequests/sec:",
);

Deno.test("the rate of wrk is read, and a run without errors has no troubles", () => {
  assert.deepEqual(parseWrk(WRK), { requestsPerSecond: 54981.22, troubles: [] });
});

Deno.test("errors that wrk saw are troubles, the rate is read all the same", () => {
  assert.deepEqual(parseWrk(WRK_TROUBLED), {
    requestsPerSecond: 54981.22,
    troubles: ["Socket errors: connect 0, read 12, write 0, timeout 3", "Non-2xx or 3xx responses: 7"],
  });
});

Deno.test("a text without a rate gives no number", () => {
  assert.ok(Number.isNaN(parseWrk("unable to connect").requestsPerSecond));
});

Deno.test("what arrived counts in the result of iperf3, not what was sent", () => {
  const json = `{"end": {"sum_sent": {"seconds": 1, "bits_per_second": 9.9e+10},
    "sum_received": {"start": 0, "bytes": 5, "bits_per_second": 1.2345e+10, "sender": true}}}`;
  assert.equal(parseIperf(json), 1.2345e10);
});

Deno.test("a run of iperf3 without a result says why", () => {
  const busy = `{"start": {}, "intervals": [], "end": {}, "error": "error - the server is busy running a test"}`;
  assert.throws(() => parseIperf(busy), /iperf3: error - the server is busy running a test/);
  assert.throws(() => parseIperf("{}"), /iperf3: no result/);
});

Deno.test("fields of the kernel in kB are read as bytes", () => {
  const text = "55d0-7ffe ---p 0 [rollup]\nRss:               67220 kB\nPss:               66001 kB\nPss_Anon: 5 kB\n";
  assert.equal(kibibyteField(text, "Rss"), 67220 * 1024);
  assert.equal(kibibyteField(text, "Pss"), 66001 * 1024);
  assert.ok(Number.isNaN(kibibyteField(text, "Swap")));
});

Deno.test("processor time is that of the process in its own and the kernel's code", () => {
  const stat = "42 (a (name) x) S 1 42 42 0 -1 4194560 100 0 0 0 250 150 9 9 20 0 3 0 777 1000 200";
  assert.equal(cpuSeconds(stat), 4);
});
