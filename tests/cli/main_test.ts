import assert from "node:assert/strict";
import { command } from "./helpers.ts";

const COMMANDS = [
  ["start"],
  ["status"],
  ["transfer"],
  ["leader"],
  ["leader", "transfer"],
  ["sample"],
  ["sample", "config"],
  ["sample", "manifest"],
  ["docs"],
  ["docs", "settings"],
  ["version"],
];

Deno.test("every command explains itself with --help, on standard output, with status 0", async () => {
  for (const args of [[], ...COMMANDS]) {
    const { code, out, err } = await command([...args, "--help"]);
    assert.equal(code, 0, args.join(" "));
    assert.equal(err, "");
    assert.ok(out.startsWith(`Usage: ${["kube-vip", ...args].join(" ")}`), out.slice(0, 60));
  }
});

Deno.test("the help of the program names every command", async () => {
  const { out } = await command(["--help"]);
  for (const [name] of COMMANDS) assert.match(out, new RegExp(`^  ${name} `, "m"));
});

Deno.test("without a command, and in a group without one, help is printed with status 0", async () => {
  for (const args of [[], ["sample"], ["docs"], ["leader"], ["help"]]) {
    const { code, out, err } = await command(args);
    assert.deepEqual([code, err], [0, ""], args.join(" "));
    assert.match(out, /^Usage: kube-vip/);
  }
});

Deno.test("mistakes in the arguments are said on standard error with status 1, and nothing on standard output", async () => {
  const rows: [string[], RegExp][] = [
    [["bogus"], /^error: unknown command 'bogus'\nRun 'kube-vip --help' for usage.\n$/],
    [["stats"], /unknown command 'stats'\n\(Did you mean status\?\)/],
    [["sample", "bogus"], /unknown command 'bogus'/],
    [["start", "--bogus"], /unknown option '--bogus'/],
    [["start", "--vipp", "1"], /Did you mean --vip\?/],
    [["start", "bogus"], /too many arguments/],
    [["start", "--config"], /argument missing/],
    [["version", "x"], /too many arguments/],
    [["transfer", "a", "b"], /too many arguments/],
    [["--bogus"], /unknown option/],
  ];
  for (const [args, pattern] of rows) {
    const { code, out, err } = await command(args);
    assert.deepEqual([code, out], [1, ""], args.join(" "));
    assert.match(err, pattern);
  }
});

Deno.test("an agent that cannot be started is a message and status 1, not a stack trace", async () => {
  const runAgent = (): Promise<number> => Promise.reject(new Error("Cannot open the raw socket"));
  const { code, out, err } = await command(["start", "--singleNode", "--vip", "10.0.0.9", "--log", "error"], {
    runAgent,
  });
  assert.deepEqual([code, out, err], [1, "", "error: Cannot open the raw socket\n"]);
});
