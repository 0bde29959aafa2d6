import assert from "node:assert/strict";
// Loads the C library before the tests that would be said to leave it open.
import "../../mod/linux/libc.ts";
import { diagnosisTable } from "../../mod/cli/doctor.ts";
import { command } from "./helpers.ts";

Deno.test("findings are lines in columns", () => {
  const text = diagnosisTable([
    { verdict: "fine", subject: "kernel", text: "6.1" },
    { verdict: "fault", subject: "engine user", text: "does not work here: EPERM" },
  ]);
  assert.equal(text, "ok     kernel       6.1\nFAULT  engine user  does not work here: EPERM\n");
});

Deno.test("a configuration that is not valid is told line by line, and nothing is looked at", async () => {
  const { code, out, err } = await command(["doctor", "-c", "bad.yaml"], { files: { "bad.yaml": "vipp: 1\n" } });
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /bad.yaml:1: vipp: is not a known setting; did you mean vip/);
});

Deno.test("what was found can be read by programs", async () => {
  const { out } = await command(["doctor", "--json"]);
  const found: unknown = JSON.parse(out);
  assert.ok(Array.isArray(found));
  assert.ok(found.some((one) => one.subject === "engine user"));
});
