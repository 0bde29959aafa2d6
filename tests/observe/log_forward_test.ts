import assert from "node:assert/strict";
import { getLog } from "../../mod/observe/log.ts";
import { type ForwardedLine, forwardLogging, logForwarded } from "../../mod/observe/log_forward.ts";
import { configureLogging } from "../../mod/observe/logging.ts";

Deno.test("a line that was forwarded is written as if it had been said here", () => {
  const lines: ForwardedLine[] = [];
  forwardLogging((line) => lines.push(line));
  getLog("balance").warning("Backend gets no connections", { backend: "a:80", failures: 3, last: null });
  getLog("balance").debug("Detail");
  assert.deepEqual(lines, [
    {
      level: "warning",
      room: "balance",
      message: "Backend gets no connections",
      properties: { backend: "a:80", failures: 3, last: null },
    },
    { level: "debug", room: "balance", message: "Detail", properties: {} },
  ]);
  const written: string[] = [];
  const decoder = new TextDecoder();
  configureLogging({ level: "info", format: "text", write: (line) => written.push(decoder.decode(line)) });
  for (const line of structuredClone(lines)) logForwarded(line);
  assert.equal(written.length, 1, "the level is this side's");
  const expected = /level=warning room=balance msg="Backend gets no connections" backend=a:80 failures=3 last=null\n$/;
  assert.match(written[0] ?? "", expected);
});
