import assert from "node:assert/strict";
import { commonPassword, readPassword } from "../../../mod/config/bgp/password.ts";
import { Findings, formatProblem, Place } from "../../../mod/config/findings.ts";

Deno.test("a password is what the file holds without the newline at its end", () => {
  for (const text of ["p:a,s s", "p:a,s s\n", "p:a,s s\r\n"]) {
    assert.deepEqual(readPassword("/p", () => text), { outcome: "read", password: "p:a,s s" });
  }
});

Deno.test("files without a usable password are refused, and what they hold is not repeated", () => {
  const rows: [string | null, RegExp][] = [
    [null, /^cannot be read: No such file$/],
    ["", /^is empty/],
    ["\n", /^is empty/],
    ["sesame\nopen\n", /^holds more than one line/],
    ["x".repeat(81), /^holds more than 80 bytes/],
  ];
  for (const [text, pattern] of rows) {
    const result = readPassword("/p", () => {
      if (text === null) throw new Error("No such file");
      return text;
    });
    assert.ok(result.outcome === "unusable");
    assert.match(result.what, pattern);
    assert.doesNotMatch(result.what, /sesame/);
  }
});

Deno.test("the file of all peers is refused by its setting", () => {
  const findings = new Findings();
  const place = new Place(findings, "bgp_peerpass_file");
  assert.equal(commonPassword({ value: "", origin: "default", place }, () => "p"), null);
  assert.equal(commonPassword({ value: "/p", origin: "env", place }, () => "p"), "p");
  assert.equal(commonPassword({ value: "/p", origin: "env", place }, () => ""), null);
  const lines = findings.problems.map((one) => formatProblem(one, null));
  assert.deepEqual(lines, ['bgp_peerpass_file "/p": is empty; must hold a password']);
});
