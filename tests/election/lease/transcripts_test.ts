import assert from "node:assert/strict";
import { runScript } from "./script.ts";

const FOLDER = new URL("../../testdata/lease/", import.meta.url);
/** A folder that is not found, or a script that is not run, must not pass for success. */
const SCRIPTS = 10;

const names = [...Deno.readDirSync(FOLDER)].map((each) => each.name).filter((name) => name.endsWith(".txt")).toSorted();

Deno.test(`all ${SCRIPTS} Lease transcripts are there`, () => {
  assert.equal(names.length, SCRIPTS);
});

for (const name of names) {
  Deno.test(`Lease transcript ${name} (UPDATE=1 rewrites it)`, () => {
    const url = new URL(name, FOLDER);
    const recorded = Deno.readTextFileSync(url);
    const played = runScript(recorded);
    if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(url, played);
    else assert.equal(played, recorded);
  });
}
