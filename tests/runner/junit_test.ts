import assert from "node:assert/strict";
import { closingLine, NOTHING, readJunit, sum, total } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="1" errors="0" time="0.011">
    <testsuite name="./a_test.ts" tests="6" disabled="2" errors="0" failures="1">
        <testcase name="holds" classname="./a_test.ts" time="0.002" line="2" col="6">
        </testcase>
        <testcase name="is &lt;skipped/&gt; by &quot;name&quot; &amp;amp;" classname="./a_test.ts" time="0.000">
            <skipped/>
        </testcase>
        <testcase name="says &lt;failure&gt; but passes" classname="./a_test.ts" time="0.000"/>
        <testcase name="breaks" classname="./b_test.ts" time="0.000" line="24" col="6">
            <failure message="Uncaught">AssertionError: 1 !== 2
  &lt;/testcase&gt;&lt;skipped/&gt;</failure>
        </testcase>
        <testcase name="breaks &gt; step" classname="./b_test.ts" time="0.000"><error/></testcase>
    </testsuite>
</testsuites>`;

Deno.test("readJunit() tells passed, failed and skipped cases apart and keeps their names", () => {
  assert.deepEqual(readJunit(REPORT), {
    passed: 2,
    failed: ["./b_test.ts: breaks", "./b_test.ts: breaks > step"],
    skipped: [`./a_test.ts: is <skipped/> by "name" &amp;`],
  });
});

Deno.test("readJunit() finds nothing in an empty or broken report", () => {
  for (const xml of ["", "<testsuites></testsuites>", "<testcase", "not xml"]) {
    assert.deepEqual(readJunit(xml), NOTHING);
  }
});

Deno.test("sum(), total() and closingLine() agree", () => {
  const twice = sum(readJunit(REPORT), readJunit(REPORT));
  assert.equal(total(twice), 10);
  assert.equal(closingLine(twice), "4 passed, 4 failed, 2 skipped");
  assert.equal(closingLine(sum(NOTHING, NOTHING)), "0 passed, 0 failed, 0 skipped");
});
