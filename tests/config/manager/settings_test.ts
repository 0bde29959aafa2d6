import assert from "node:assert/strict";
import { group } from "../../../mod/config/manager/kinds.ts";
import { MANAGER_SETTINGS } from "../../../mod/config/manager/settings.ts";
import { listSettings } from "../../../mod/config/settings.ts";
import { CONTROL_PLANE, ELECTION, HEALTH, OTHER_MODES, SERVICES } from "./rows.ts";
import { pathsOf } from "./table.ts";

const ROWS = [...CONTROL_PLANE, ...ELECTION, ...HEALTH, ...SERVICES, ...OTHER_MODES];
const LISTED = listSettings(MANAGER_SETTINGS);

/** Tested on their own: they have no variable and no flag, or are read before the others. */
const BESIDES = ["configFile", "bgpPeers", "loadBalancers"];

Deno.test("the rows of the tests name every setting of the table, and no other", () => {
  const inner = LISTED.filter(({ path }) => /\[\]\.|^(localPeer|remotePeers|timing)[.[]/.test(path));
  const plain = LISTED.filter((one) => !inner.includes(one) && one.setting.kind !== group).map(({ path }) => path);
  assert.deepEqual([...pathsOf(ROWS), ...BESIDES].sort(), plain.sort());
});

Deno.test("no two settings share a flag, a variable, or a name in their group", () => {
  const flags = LISTED.flatMap(({ setting }) => setting.flag === null ? [] : [setting.flag, ...setting.flagAliases]);
  assert.equal(new Set(flags).size, flags.length);
  const shorts = LISTED.flatMap(({ setting }) => setting.short ?? []);
  assert.deepEqual(shorts, ["n", "c"]);
  const variables = LISTED.flatMap(({ setting }) => setting.env);
  assert.equal(new Set(variables).size, variables.length);
  const names = LISTED.flatMap(({ path, setting }) => {
    const prefix = path.slice(0, path.lastIndexOf(".") + 1);
    return [setting.key, ...setting.aliases].map((name) => `${prefix}${name}`.toLowerCase());
  });
  assert.equal(new Set(names).size, names.length);
});

Deno.test("every setting explains itself, and is one of manager or service", () => {
  for (const { path, setting } of LISTED.filter((one) => !/\[\]\.|^(localPeer|timing)\./.test(one.path))) {
    assert.match(setting.help, /^[A-Z].{5,}[^.]$/, path);
    assert.ok(setting.kind.accepts.length > 2, path);
    assert.ok(setting.commands.some((command) => command === "manager" || command === "service"), path);
  }
});
