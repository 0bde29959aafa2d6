/** OpenBGPD. It has no way into Linux' kernel. */

import { askProgram } from "./control.ts";
import { openbgpdConfig } from "./openbgpd_config.ts";
import { openbgpdRoutes, openbgpdSessions } from "./openbgpd_output.ts";
import type { RouterPlace, RouterProcess, Software } from "./software.ts";
import type { RouterSession, TableRoute } from "./types.ts";

/** Its own root directory, that is to exist: made in a mount namespace of its own. */
const CHROOT = "/run/openbgpd";

function ask({ directory }: RouterPlace, ...words: readonly string[]): Promise<string> {
  return askProgram(["bgpctl", "-j", "-s", `${directory}/bgpd.sock`, ...words]);
}

export const openbgpd: Software = {
  kind: "openbgpd",
  installs: false,
  write({ directory }, config): void {
    Deno.writeTextFileSync(`${directory}/bgpd.conf`, openbgpdConfig(config, `${directory}/bgpd.sock`), { mode: 0o600 });
  },
  processes({ directory }): RouterProcess[] {
    const script = `mount -t tmpfs -o mode=755 tmpfs /run && mkdir ${CHROOT} && exec /usr/sbin/bgpd -d -f "$0"`;
    const argv = ["unshare", "--mount", "sh", "-c", script, `${directory}/bgpd.conf`];
    return [{ name: "openbgpd", argv, env: {}, ready: null }];
  },
  async ready(place): Promise<void> {
    await ask(place, "show", "summary");
  },
  async reload(place): Promise<void> {
    await ask(place, "reload");
  },
  async sessions(place): Promise<RouterSession[]> {
    return openbgpdSessions(await ask(place, "show", "neighbor"));
  },
  async routes(place, _config, family): Promise<TableRoute[]> {
    return openbgpdRoutes(await ask(place, "show", "rib", family === 4 ? "inet" : "inet6", "detail"));
  },
  async act(place, _config, { peer, action }): Promise<void> {
    switch (action.do) {
      case "clear":
        await ask(place, "neighbor", peer, "clear");
        return;
      case "shutdown":
        await ask(place, "neighbor", peer, "down", action.text);
        return;
      case "enable":
        await ask(place, "neighbor", peer, "up");
        return;
    }
  },
};
