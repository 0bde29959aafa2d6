import assert from "node:assert/strict";
import { DEAD } from "../../mod/config/dead_settings.ts";
import { base, load, problemLines, warningLines } from "./helpers.ts";

Deno.test("every feature that is not there is refused by each of its names when switched on, and accepted when off", () => {
  let checked = 0;
  for (const setting of DEAD) {
    if (setting.standing.is !== "later") continue;
    const { feature } = setting.standing;
    const refused = (lines: string[], key: string): void => {
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.ok(lines[0]?.includes(`${key} "true": belongs to ${feature}`), lines[0]);
      checked++;
    };
    for (const key of [setting.key, ...setting.aliases]) {
      refused(problemLines(load(base({ [key]: true }))), key);
      assert.deepEqual(problemLines(load(base({ [key]: false }))), []);
    }
    for (const name of setting.env) {
      refused(problemLines(load(base(), { env: { [name]: "true" } })), name);
      assert.deepEqual(problemLines(load(base(), { env: { [name]: "false" } })), []);
    }
    const flag = setting.flag ?? assert.fail();
    refused(problemLines(load(base(), { flags: { [flag]: "true" } })), `--${flag}`);
  }
  assert.ok(checked >= 10, `${checked} checked`);
});

Deno.test("everything else of old files is accepted: in silence if it asks for nothing, with a warning if it asks", () => {
  for (const setting of DEAD) {
    if (setting.standing.is !== "unused") continue;
    for (const key of [setting.key, ...setting.aliases]) {
      for (const value of [0, "", null, false, [], { as: 0 }]) {
        const quiet = load(base({ [key]: value }));
        assert.deepEqual([...problemLines(quiet), ...warningLines(quiet)], [], key);
      }
      const loud = load(base({ [key]: { some: "thing" } }));
      assert.deepEqual(problemLines(loud), []);
      assert.match(warningLines(loud).join(), new RegExp(`${key} ".*": has no effect: `));
    }
  }
});

Deno.test("the prefix that upstream had a key of its own for is silent where it says what is so anyway", () => {
  for (const vipCidr of ["32", 32, 128]) assert.deepEqual(warningLines(load(base({ vipCidr }))), []);
  assert.match(
    warningLines(load(base({ vipCidr: 24 }))).join(),
    /vipCidr "24": has no effect: write the prefix behind/,
  );
});
