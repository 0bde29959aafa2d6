import assert from "node:assert/strict";
import { dumpSettings, settingsMarkdown } from "../../mod/config/docs.ts";
import { MANAGER_SETTINGS } from "../../mod/config/manager/settings.ts";
import { listSettings } from "../../mod/config/settings.ts";

Deno.test("the documentation has one row for every setting, with its names", () => {
  for (const command of ["start", "manager"] as const) {
    const listed = command === "start" ? listSettings() : listSettings(MANAGER_SETTINGS);
    const markdown = settingsMarkdown(command, listed);
    assert.ok(markdown.startsWith(`# Settings of \`kube-vip ${command}\`\n`));
    const rows = markdown.split("\n").filter((line) => line.startsWith("| `"));
    assert.equal(rows.length, listed.length);
    for (const { path, setting } of listed) {
      const row = rows.find((line) => line.startsWith(`| \`${path}\``)) ?? assert.fail(path);
      for (const name of [...setting.aliases, ...setting.env]) assert.ok(row.includes(`\`${name}\``), name);
      if (setting.flag !== null) assert.ok(row.includes(`--${setting.flag}\``), setting.flag);
      for (const name of setting.flagAliases) assert.ok(row.includes(`--${name}\``), name);
    }
    const columns = rows.map((row) => row.replaceAll("\\|", "").split("|").length);
    assert.deepEqual([...new Set(columns)], [8, 6]);
  }
});

Deno.test("the dump is one line a setting", () => {
  const rows = [{ key: "a.b", value: "c", origin: "default" }, { key: "d", value: "", origin: "file line 3" }];
  assert.equal(dumpSettings(rows), "a.b = c (default)\nd =  (file line 3)\n");
});
