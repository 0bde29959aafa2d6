import assert from "node:assert/strict";
import { Command } from "@kube-vip/cli";
import {
  addSettingFlags,
  flagNames,
  flagSettings,
  givenFlags,
  managerFlagSettings,
} from "../../mod/cli/settings_flags.ts";
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

Deno.test("every flag of manager is taken in each spelling, and lists grow with each flag", () => {
  const settings = managerFlagSettings("service");
  const read = (...args: string[]): Record<string, string> => {
    const program = new Command("x").exitOverride();
    addSettingFlags(program, settings);
    program.parse(args, { from: "user" });
    return givenFlags(program.opts(), settings);
  };
  for (const flag of settings.flatMap(flagNames)) {
    assert.deepEqual(read(`--${flag}=value`), { [flag]: "value" }, flag);
    assert.deepEqual(read(`--${flag}=`), { [flag]: "" }, flag);
  }
  assert.deepEqual(read("--bgppeers", "a", "--bgppeers=b", "--interface", "c", "--interface", "d"), {
    bgppeers: "a,b",
    interface: "d",
  });
  assert.deepEqual(read("-n", "ns", "-c", "map"), { namespace: "ns", configMap: "map" });
  assert.equal(managerFlagSettings().some(({ flag }) => flag === "configMap"), false);
});
