import { OTHER_MODES } from "./rows.ts";
import { checkTable } from "./table.ts";

Deno.test("every name of these settings works, in every source, and what is wrong is refused by that name", () => {
  checkTable(OTHER_MODES);
});
