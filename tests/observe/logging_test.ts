import assert from "node:assert/strict";
import { getLog } from "../../mod/observe/log.ts";
import { configureLogging, formatRecord, type LineRecord, type LogOptions } from "../../mod/observe/logging.ts";

const record = (rawMessage: string, properties: Record<string, unknown> = {}): LineRecord => {
  return { category: ["kube-vip", "vip"], level: "warning", rawMessage, timestamp: Date.UTC(2030, 0, 2), properties };
};

/** The lines that `act` logs. */
function capture(options: Omit<LogOptions, "write">, act: () => void): string[] {
  const lines: string[] = [];
  configureLogging({ ...options, write: (line) => lines.push(new TextDecoder().decode(line)) });
  act();
  return lines;
}

Deno.test("a line has time, level, room, sentence and properties, as text or as JSON", () => {
  const given = record("Somebody else claims the address", {
    ip: "10.0.0.9",
    mac: "02:00",
    n: 3,
    up: true,
    why: null,
    say: "a b",
  });
  assert.equal(
    formatRecord(given, "text"),
    "time=2030-01-02T00:00:00.000Z level=warning room=vip " +
      'msg="Somebody else claims the address" ip=10.0.0.9 mac=02:00 n=3 up=true why=null say="a b"',
  );
  assert.deepEqual(JSON.parse(formatRecord(given, "json")), {
    time: "2030-01-02T00:00:00.000Z",
    level: "warning",
    room: "vip",
    msg: "Somebody else claims the address",
    ip: "10.0.0.9",
    mac: "02:00",
    n: 3,
    up: true,
    why: null,
    say: "a b",
  });
});

Deno.test("untrusted text stays inside its value and on its line, in both formats", () => {
  const evil = 'a\nlevel=error msg="x" \x1b[2J\u009b\u2028\u202e{b}';
  for (const format of ["text", "json"] as const) {
    const line = formatRecord(record("Fixed", { evil, "k=\n y": 1, msg: "fake" }), format);
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.ok(
      line.includes("\\n") && line.includes("\\u001b") && line.includes("\\u009b") && line.includes("\\u202e"),
      line,
    );
    assert.match(line, format === "text" ? /msg=Fixed .*msg_=fake/ : /"msg":"Fixed".*"msg_":"fake"/);
  }
  assert.equal(JSON.parse(formatRecord(record("Fixed", { evil }), "json")).evil, evil);
});

Deno.test("lines below the level are not written, and the last configuration counts", () => {
  const act = (): void => {
    const log = getLog("room");
    log.debug("one");
    log.info("two", { a: "{b}" });
    log.warning("three");
    log.error("four");
  };
  const words = (lines: string[]): string[] => lines.map((line) => /msg=(\w+)/.exec(line)?.[1] ?? line);
  assert.deepEqual(words(capture({ level: "debug", format: "text" }, act)), ["one", "two", "three", "four"]);
  assert.deepEqual(words(capture({ level: "info", format: "text" }, act)), ["two", "three", "four"]);
  assert.deepEqual(words(capture({ level: "error", format: "text" }, act)), ["four"]);
  const [line = ""] = capture({ level: "warning", format: "json" }, act);
  assert.match(line, /^\{"time":"[^"]+","level":"warning","room":"room","msg":"three"\}\n$/);
});

Deno.test("nothing is lost when the process exits right after a line, on standard error only", async () => {
  const script = `
    import { configureLogging } from ${JSON.stringify(import.meta.resolve("../../mod/observe/logging.ts"))};
    import { getLog } from ${JSON.stringify(import.meta.resolve("../../mod/observe/log.ts"))};
    configureLogging({ level: "info", format: "text" });
    for (let i = 0; i < 2000; i++) getLog("x").info("line", { i, filler: "y".repeat(100) });
    Deno.exit(3);`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--config=${config}`, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
  assert.equal(code, 3, lines[0]);
  assert.equal(stdout.length, 0);
  assert.equal(lines.length, 2000);
  assert.match(lines.at(-1) ?? "", / i=1999 filler=y{100}$/);
});
