import assert from "node:assert/strict";
import { formatWebRequest, parseWebRequest, type WebRequest } from "./traffic.ts";

const CASES: { request: WebRequest; line: string }[] = [
  { request: { beganMs: 1, endedMs: 2.5, backend: "backend1" }, line: "h 1.00 2.50 backend1" },
  { request: { beganMs: 10, endedMs: 510, backend: null }, line: "h 10.00 510.00 -" },
];

Deno.test("a request and its line are the same in both directions", () => {
  for (const { request, line } of CASES) {
    assert.equal(formatWebRequest(request), line);
    assert.deepEqual(parseWebRequest(line), request);
  }
});

Deno.test("other lines are no requests", () => {
  for (const line of ["", "h 1 2", "h 1 x -", "s 4 0 1"]) assert.equal(parseWebRequest(line), null, line);
});
