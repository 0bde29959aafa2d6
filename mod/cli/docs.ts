/** `kube-vip docs`: reference documentation made from the program itself. */

import type { Command } from "@kube-vip/cli";
import { settingsMarkdown } from "../config/docs.ts";
import { MANAGER_SETTINGS } from "../config/manager/settings.ts";
import { listSettings } from "../config/settings.ts";
import type { Context } from "./context.ts";

/** Adds `docs settings`. */
export function addDocs(program: Command, context: Context): void {
  const docs = program.command("docs").description("Print reference documentation");
  docs.command("settings")
    .description("Print every setting of start and manager as Markdown tables")
    .action(() => {
      const manager = settingsMarkdown("manager", listSettings(MANAGER_SETTINGS));
      context.terminal.out(`${settingsMarkdown("start", listSettings())}\n${manager}`);
    });
}
