import assert from "node:assert/strict";
import { command } from "./helpers.ts";

Deno.test("sample config prints a file that start accepts as it is", async () => {
  const { code, out, err } = await command(["sample", "config"]);
  assert.deepEqual([code, err], [0, ""]);
  const checked = await command(["start", "-c", "c.yaml", "--check"], { files: { "c.yaml": out } });
  assert.deepEqual([checked.code, checked.err], [0, ""]);
});

Deno.test("sample manifest prints a Pod with the image that was asked for, or refuses it", async () => {
  assert.match((await command(["sample", "manifest"])).out, /^ {4}image: kube-vip:v\d+\.\d+\.\d+$/m);
  assert.match((await command(["sample", "manifest", "--image", "r.io/k:1"])).out, /^ {4}image: r.io\/k:1$/m);
  const { code, out, err } = await command(["sample", "manifest", "--image", "a\nb"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^error: --image "a\\u000ab": must be the name of an image/);
});
