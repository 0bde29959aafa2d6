import assert from "node:assert/strict";
import { getLog } from "../../mod/observe/log.ts";
import { configureLogging } from "../../mod/observe/logging.ts";

Deno.test("a room's logger has the four levels and passes sentence and properties on unchanged", () => {
  const lines: Record<string, unknown>[] = [];
  configureLogging({
    level: "debug",
    format: "json",
    write: (line) => lines.push(JSON.parse(new TextDecoder().decode(line))),
  });
  const log = getLog("election");
  log.debug("Is a {placeholder}", { placeholder: "not one" });
  log.info("Sentence");
  log.warning("Sentence", { n: 1 });
  log.error("Sentence", { why: null });
  assert.deepEqual(lines.map(({ time: _time, ...rest }) => rest), [
    { level: "debug", room: "election", msg: "Is a {placeholder}", placeholder: "not one" },
    { level: "info", room: "election", msg: "Sentence" },
    { level: "warning", room: "election", msg: "Sentence", n: 1 },
    { level: "error", room: "election", msg: "Sentence", why: null },
  ]);
});
