/**
 * `deno task test [unit] [binary] [lab]`: runs the stages one after the other and ends with the line
 * `N passed, N failed, N skipped`. Exit status 1 if anything failed or no test ran.
 *
 * Units run in parallel. The compiled program and the laboratory run one test at a time: the laboratory measures times.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closingLine, NOTHING, readJunit, sum, type Tally } from "./runner/junit.ts";
import { ensureProgram, PROGRAM_VARIABLE } from "./runner/program.ts";
import { chooseStages, DEADLINES_MS, judge, type Stage, STAGES, testArguments } from "./runner/stages.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** A stage whose time is over is interrupted, at which Deno names the tests that have not ended; then it is killed. */
const LAST_WORDS_MS = 10_000;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function readReport(path: string): Promise<Tally> {
  try {
    return readJunit(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return NOTHING;
    throw error;
  }
}

async function runStage(stage: Stage, env: Record<string, string>): Promise<Tally> {
  print(`\n== ${stage} ==`);
  const dir = await Deno.makeTempDir({ prefix: "kube-vip-test-" });
  let timedOut = false;
  try {
    const junitPath = join(dir, "junit.xml");
    const args = testArguments(stage, junitPath);
    const stdio = { stdin: "null", stdout: "inherit", stderr: "inherit" } as const;
    const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env, ...stdio }).spawn();
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill("SIGINT");
    }, DEADLINES_MS[stage]);
    const last = setTimeout(() => child.kill("SIGKILL"), DEADLINES_MS[stage] + LAST_WORDS_MS);
    const { code } = await child.status;
    clearTimeout(deadline);
    clearTimeout(last);
    return judge({ stage, code, tally: await readReport(junitPath), timedOut }, Deno.env.get("CI") === "true");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

interface Prepared {
  readonly env: Record<string, string>;
  readonly tally: Tally;
}

/** Where the compiled program is, for the tests' environment; a program that does not compile is a failure. */
async function prepareProgram(): Promise<Prepared> {
  const program = await ensureProgram(ROOT);
  switch (program.outcome) {
    case "ready":
      return { env: { [PROGRAM_VARIABLE]: program.path }, tally: NOTHING };
    case "unavailable":
      print(`\nThe program cannot be compiled on this machine: ${program.reason}`);
      return { env: {}, tally: NOTHING };
    case "broken":
      print(`\n${program.reason}`);
      return { env: {}, tally: { ...NOTHING, failed: ["compile: the program does not compile"] } };
  }
}

async function main(args: readonly string[]): Promise<number> {
  const stages = chooseStages(args);
  if (stages === null) {
    print(`Cannot run "${args.join(" ")}": any of ${STAGES.join(", ")} is accepted`);
    return 2;
  }
  let all = NOTHING;
  let prepared: Prepared | null = null;
  for (const stage of stages) {
    if (stage !== "unit" && prepared === null) {
      prepared = await prepareProgram();
      all = sum(all, prepared.tally);
    }
    all = sum(all, await runStage(stage, prepared?.env ?? {}));
  }
  print("");
  for (const name of all.skipped) print(`skipped: ${name}`);
  for (const name of all.failed) print(`failed: ${name}`);
  print(closingLine(all));
  return all.failed.length > 0 || all.passed === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
