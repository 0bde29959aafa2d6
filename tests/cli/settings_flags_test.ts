import assert from "node:assert/strict";
import { Command } from "@kube-vip/cli";
import { addSettingFlags, flagSettings, givenFlags } from "../../mod/cli/settings_flags.ts";
import { command } from "./helpers.ts";

function parse(...args: string[]): Record<string, string> {
  const program = new Command("x").exitOverride();
  addSettingFlags(program);
  program.parse(args, { from: "user" });
  return givenFlags(program.opts());
}

Deno.test("every flag of the table is taken, and none that was not given", () => {
  assert.deepEqual(parse(), {});
  for (const setting of flagSettings()) {
    const flag = setting.flag ?? "";
    assert.deepEqual(parse(`--${flag}`, "value"), { [flag]: "value" }, flag);
    assert.deepEqual(parse(`--${flag}=value`), { [flag]: "value" }, flag);
    if (setting.switch) assert.deepEqual(parse(`--${flag}`), { [flag]: "true" }, flag);
  }
  assert.deepEqual(parse("-d"), { disableVIP: "true" });
});

Deno.test("the help has every flag that has an effect, with default and variable, and none that has not", async () => {
  const out = (await command(["start", "--help"])).out.replace(/\s+/g, " ");
  for (const { flag, standing, help, env, fallbackText } of flagSettings()) {
    assert.equal(new RegExp(`--${flag} [[<]`).test(out), standing.is === "used", flag ?? "");
    if (standing.is !== "used") continue;
    assert.ok(out.includes(help.replace(/\s+/g, " ")), help);
    if (fallbackText !== "") assert.ok(out.includes(`default: ${fallbackText}`), fallbackText);
    for (const name of env) assert.ok(out.includes(name), name);
  }
});
