import { run } from "./mod/cli/main.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
