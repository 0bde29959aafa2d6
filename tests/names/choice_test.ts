import assert from "node:assert/strict";
import { choose, type Used, type Wanted } from "../../mod/names/choice.ts";

const FIRST: Wanted = { mode: "first" };
const DUAL: Wanted = { mode: "dual" };

function fresh(...ips: string[]): Used[] {
  return ips.map((ip) => ({ ip, misses: 0 }));
}

/** The addresses in use after each of the answers. */
function follow(wanted: Wanted, answers: readonly (readonly string[])[]): string[][] {
  let used: readonly Used[] = [];
  return answers.map((answer) => {
    const choice = choose(answer, used, wanted);
    if (choice.outcome === "chosen") used = choice.used;
    return used.map(({ ip }) => ip);
  });
}

Deno.test("each mode takes what it says", () => {
  const both = ["fd00::9", "10.0.0.9"];
  const rows: [Wanted, readonly string[], readonly string[] | RegExp][] = [
    [FIRST, both, ["fd00::9"]],
    [FIRST, both.toReversed(), ["10.0.0.9"]],
    [{ mode: "ipv4" }, both, ["10.0.0.9"]],
    [{ mode: "ipv6" }, both, ["fd00::9"]],
    [{ mode: "ipv4" }, ["fd00::9"], /has no IPv4 address/],
    [{ mode: "ipv6" }, ["10.0.0.9"], /has no IPv6 address/],
    [DUAL, both, ["10.0.0.9", "fd00::9"]],
    [DUAL, ["10.0.0.9"], ["10.0.0.9"]],
    [DUAL, ["fd00::9"], ["fd00::9"]],
    [{ ...DUAL, dualRequired: true }, both, ["10.0.0.9", "fd00::9"]],
    [{ ...DUAL, dualRequired: true }, ["fd00::9"], /of one family only/],
    [FIRST, [], /has no address/],
    [DUAL, [], /has no address/],
    [FIRST, ["FD00:0::9"], ["fd00::9"]],
    [FIRST, ["127.0.1.1", "10.0.0.9"], ["10.0.0.9"]],
    [FIRST, ["127.0.1.1", "::1"], /other machines can reach, only 127\.0\.1\.1, ::1/],
    [FIRST, ["fe80::1%eth0", "fe80::1", "ff02::1", "0.0.0.0", "::ffff:10.0.0.9"], /other machines can reach/],
  ];
  for (const [wanted, answer, expected] of rows) {
    const choice = choose(answer, [], wanted);
    const shown = JSON.stringify([wanted, answer]);
    if (expected instanceof RegExp) {
      assert.match(choice.outcome === "unusable" ? choice.why : "", expected, shown);
    } else {
      assert.deepEqual(choice, { outcome: "chosen", used: fresh(...expected) }, shown);
    }
  }
});

Deno.test("every node takes the same of several, whatever the order; one in use stays as long as it is given", () => {
  const several = ["10.0.0.10", "10.0.0.9", "10.0.0.200"];
  assert.deepEqual(follow(FIRST, [several]), [["10.0.0.9"]]);
  assert.deepEqual(follow(FIRST, [several.toReversed()]), [["10.0.0.9"]]);
  const orders = [several, several.toReversed(), [...several.slice(1), "10.0.0.10"]];
  assert.deepEqual(follow(FIRST, [["10.0.0.200"], ...orders, ...orders]), Array(7).fill(["10.0.0.200"]));
  assert.deepEqual(follow(FIRST, [["10.0.0.9"], ["fd00::9", "10.0.0.9"], ["fd00::9", "10.0.0.9"]]).at(-1), [
    "10.0.0.9",
  ]);
});

Deno.test("a new address is used at once, the old one goes after two answers without it", () => {
  assert.deepEqual(follow(FIRST, [["10.0.0.9"], ["10.0.0.10"], ["10.0.0.10"], ["10.0.0.10"]]), [
    ["10.0.0.9"],
    ["10.0.0.9", "10.0.0.10"],
    ["10.0.0.10"],
    ["10.0.0.10"],
  ]);
});

Deno.test("an answer that is wrong once changes nothing for good", () => {
  assert.deepEqual(follow(FIRST, [["10.0.0.9"], ["10.0.0.10"], ["10.0.0.9"], ["10.0.0.9"]]), [
    ["10.0.0.9"],
    ["10.0.0.9", "10.0.0.10"],
    ["10.0.0.9", "10.0.0.10"],
    ["10.0.0.9"],
  ]);
  assert.deepEqual(follow(FIRST, [["10.0.0.9"], [], [], []]).at(-1), ["10.0.0.9"]);
});

Deno.test("a server that gives one of several at a time makes nothing come and go", () => {
  const answers = Array.from({ length: 20 }, (_, round) => [round % 2 === 0 ? "10.0.0.9" : "10.0.0.10"]);
  const used = follow(FIRST, answers);
  assert.deepEqual(used.slice(1), Array(19).fill(["10.0.0.9", "10.0.0.10"]));
});

Deno.test("a family that comes or goes with dual leaves the other alone, and a changed address keeps to its family", () => {
  assert.deepEqual(
    follow(DUAL, [["10.0.0.9"], ["fd00::9", "10.0.0.9"], ["10.0.0.9"], ["10.0.0.9"], ["fd00::8", "10.0.0.9"]]),
    [["10.0.0.9"], ["10.0.0.9", "fd00::9"], ["10.0.0.9", "fd00::9"], ["10.0.0.9"], ["10.0.0.9", "fd00::8"]],
  );
  assert.deepEqual(follow(FIRST, [["10.0.0.9"], ["fd00::9", "10.0.0.10"]]).at(-1), ["10.0.0.9", "10.0.0.10"]);
});

Deno.test("answers that never repeat do not pile up", () => {
  const answers = Array.from({ length: 300 }, (_, round) => [`10.0.${round >> 8}.${round & 255}`]).slice(1);
  assert.equal(follow(FIRST, answers).every((used) => used.length <= 2), true);
});
