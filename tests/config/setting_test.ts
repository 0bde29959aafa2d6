import assert from "node:assert/strict";
import { text } from "../../mod/config/kinds.ts";
import { setting, showValue } from "../../mod/config/setting.ts";
import { parseIp } from "../../mod/net/ip.ts";

Deno.test("what a table leaves out is filled in", () => {
  const plain = setting({ key: "a", kind: text, fallback: "x", help: "A" });
  assert.deepEqual([plain.aliases, plain.flag, plain.env, plain.secret, plain.switch], [[], null, [], false, false]);
  assert.equal(plain.fallbackText, "x");
  assert.equal(setting({ key: "b", kind: text, fallback: "x", fallbackText: "y", help: "B" }).fallbackText, "y");
});

Deno.test("values are shown as a person would write them", () => {
  const rows: [unknown, string][] = [
    [null, ""],
    [true, "true"],
    [3, "3"],
    [["a", 1], "a,1"],
    [{ shown: "s", other: 1 }, "s"],
    [parseIp("FD00::1"), "fd00::1"],
    [new URL("http://h:1/p"), "http://h:1/p"],
  ];
  for (const [value, shown] of rows) assert.equal(showValue(value), shown);
});
