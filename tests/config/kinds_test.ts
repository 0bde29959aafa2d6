import assert from "node:assert/strict";
import { parseFile } from "../../mod/config/file.ts";
import { Findings, Place } from "../../mod/config/findings.ts";
import {
  anything,
  bool,
  choice,
  duration,
  int,
  listOf,
  matching,
  parseDuration,
  port,
  scalar,
  showDuration,
  text,
} from "../../mod/config/kinds.ts";
import { INVALID, type Kind } from "../../mod/config/setting.ts";

/** What `kind` makes of a value in a file; null if it was refused with a problem. */
function fromFile<T>(kind: Kind<T>, yaml: string): T | null {
  const findings = new Findings();
  const map = parseFile(`k: ${yaml}`, "f", findings);
  const tree = map?.is === "map" ? map.entries[0]?.value : undefined;
  assert.ok(tree !== undefined, yaml);
  const value = kind.fromTree(tree, new Place(findings, "k"));
  assert.ok(value !== INVALID || findings.problems.length > 0, yaml);
  return value === INVALID ? null : value;
}

/** The same for the text of a flag or variable. */
function fromText<T>(kind: Kind<T>, given: string): T | null {
  const findings = new Findings();
  const value = kind.fromText(given, new Place(findings, "k"));
  assert.equal(value === INVALID, findings.problems.length > 0, given);
  return value === INVALID ? null : value;
}

Deno.test("bool takes Go's words from text, and the words of YAML 1.1 from a file", () => {
  for (const word of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(fromText(bool, word), true);
  for (const word of ["0", "f", "F", "false", "FALSE", "False"]) assert.equal(fromText(bool, word), false);
  for (const word of ["", "yes", "on", "tRUE", "2", " true"]) assert.equal(fromText(bool, word), null, word);
  for (const word of ["true", "yes", "on", "Y", "TRUE"]) assert.equal(fromFile(bool, word), true, word);
  for (const word of ["false", "no", "off", "n"]) assert.equal(fromFile(bool, word), false, word);
  for (const word of ['"true"', "1", "0", "[]", "{}", "maybe"]) assert.equal(fromFile(bool, word), null, word);
});

Deno.test("an integer is decimal, whole, unquoted in a file and within its limits", () => {
  for (const [given, value] of [["8080", 8080], ["08080", 8080], ["0777", 777], ["1", 1], ["65535", 65535]] as const) {
    assert.equal(fromText(port, given), value);
    assert.equal(fromFile(port, given), value);
  }
  for (const given of ["0", "65536", "-1", "1.5", "1e3", "0x50", "0o17", "+5", "1_0", "99999999999999999999"]) {
    assert.equal(fromText(port, given), null, given);
    assert.equal(fromFile(port, given), null, given);
  }
  for (const given of ['"80"', "true", "[80]", "{a: 80}", "eighty"]) assert.equal(fromFile(port, given), null, given);
  assert.equal(fromText(int(-4, 8), "-4"), -4);
});

Deno.test("a duration is milliseconds or has units", () => {
  const rows: [string, number][] = [
    ["250", 250],
    ["250ms", 250],
    ["5s", 5000],
    ["1m", 60_000],
    ["1h", 3_600_000],
    ["1m30s", 90_000],
    ["1.5s", 1500],
    ["0", 0],
  ];
  for (const [given, ms] of rows) assert.equal(parseDuration(given), ms, given);
  for (const given of ["", "s", "5 s", "-5s", "5d", "1e3", ".5s", "5s1", "0x5ms"]) {
    assert.equal(parseDuration(given), null, given);
  }
  const kind = duration(100, 60_000);
  assert.equal(fromFile(kind, "200"), 200);
  assert.equal(fromFile(kind, '"200ms"'), 200);
  for (const given of ["99", "61s", "true", "[]"]) assert.equal(fromFile(kind, given), null, given);
  for (const ms of [0, 1, 250, 1000, 1500, 60_000, 90_000, 3_600_000]) {
    assert.equal(parseDuration(showDuration(ms)), ms);
  }
  assert.deepEqual([250, 1000, 90_000, 120_000, 7_200_000].map(showDuration), ["250ms", "1s", "90s", "2m", "2h"]);
});

Deno.test("text is what YAML upstream would have made text, without control characters", () => {
  assert.equal(fromFile(text, "010"), "010");
  assert.equal(fromFile(text, "true"), "true");
  assert.equal(fromFile(text, '"a b"'), "a b");
  for (const given of ["[a]", "{a: b}", '"a\\nb"', `"${"x".repeat(2000)}"`]) {
    assert.equal(fromFile(text, given), null, given);
  }
});

Deno.test("a choice and a pattern take what they name", () => {
  const kind = choice("round-robin", "least-connections");
  assert.equal(fromText(kind, "Round-Robin"), "round-robin");
  assert.equal(fromText(kind, "random"), null);
  assert.equal(kind.accepts, "round-robin or least-connections");
  assert.equal(choice("a", "b", "c").accepts, "a, b or c");
  assert.equal(fromText(matching(/^a+$/, "a's"), "aaa"), "aaa");
  assert.equal(fromText(matching(/^a+$/, "a's"), "ab"), null);
});

Deno.test("a list comes as a list or with commas, and keeps its valid members when one is refused", () => {
  const kind = listOf(port, 3);
  assert.deepEqual(fromText(kind, " 1, 2,,3 "), [1, 2, 3]);
  assert.deepEqual(fromFile(kind, "[1, 2]"), [1, 2]);
  assert.deepEqual(fromFile(kind, "7"), [7]);
  assert.deepEqual(fromFile(kind, "[]"), []);
  assert.deepEqual(fromFile(kind, "[1, x, 3]"), [1, 3]);
  for (const given of ["[1, 2, 3, 4]", "{a: 1}", "[x]"]) assert.equal(fromFile(kind, given), null, given);
});

Deno.test("a reader may explain itself, or leave it to the general sentence", () => {
  const kind = scalar("even", (given, place) => {
    if (given === "x") {
      place.problem("is x", given);
      return INVALID;
    }
    return Number(given) % 2 === 0 ? Number(given) : null;
  });
  assert.equal(fromText(kind, "4"), 4);
  assert.equal(fromText(kind, "3"), null);
  assert.equal(fromText(kind, "x"), null);
  assert.equal(anything.fromText("x", new Place(new Findings())), null);
});
