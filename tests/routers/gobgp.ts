/** GoBGP. It has no way into the kernel without zebra. */

import { askProgram } from "./control.ts";
import { gobgpConfig } from "./gobgp_config.ts";
import { gobgpRoutes, gobgpSessions } from "./gobgp_output.ts";
import type { RouterPlace, RouterProcess, Software } from "./software.ts";
import { familyOf, type RouterSession, type TableRoute } from "./types.ts";

function ask({ directory }: RouterPlace, ...words: readonly string[]): Promise<string> {
  return askProgram(["gobgp", "--target", `unix://${directory}/api.sock`, ...words]);
}

export const gobgp: Software = {
  kind: "gobgp",
  installs: false,
  write({ directory }, config): void {
    Deno.writeTextFileSync(`${directory}/gobgpd.toml`, gobgpConfig(config), { mode: 0o600 });
  },
  processes({ directory }): RouterProcess[] {
    const argv = [
      "gobgpd",
      "-f",
      `${directory}/gobgpd.toml`,
      "--pprof-disable",
      `--api-hosts=unix://${directory}/api.sock`,
    ];
    return [{ name: "gobgpd", argv: [...argv, "--log-plain", "--log-level=debug"], env: {}, ready: null }];
  },
  async ready(place, config): Promise<void> {
    await ask(place, "global", "-j");
    for (const prefix of config.originate) {
      await ask(place, "global", "rib", "add", prefix, "-a", `ipv${familyOf(prefix)}`);
    }
  },
  reload(): Promise<void> {
    return Promise.reject(new Error("gobgpd is restarted for a new configuration"));
  },
  async sessions(place): Promise<RouterSession[]> {
    return gobgpSessions(await ask(place, "neighbor", "-j"));
  },
  async routes(place, _config, family): Promise<TableRoute[]> {
    return gobgpRoutes(await ask(place, "global", "rib", "-a", `ipv${family}`, "-j"));
  },
  async act(place, _config, { peer, action }): Promise<void> {
    switch (action.do) {
      case "clear":
        await ask(place, "neighbor", peer, "reset");
        return;
      case "shutdown":
        await ask(place, "neighbor", peer, "shutdown", "--reason", action.text);
        return;
      case "enable":
        await ask(place, "neighbor", peer, "enable");
        return;
    }
  },
};
