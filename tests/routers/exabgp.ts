/** ExaBGP, for what other routers would never send. It keeps no table and tells its state in its log only. */

import { exabgpConfig } from "./exabgp_config.ts";
import type { RouterProcess, Software } from "./software.ts";

export const exabgp: Software = {
  kind: "exabgp",
  installs: false,
  write(place, config): void {
    Deno.writeTextFileSync(`${place.directory}/exabgp.conf`, exabgpConfig(config, place), { mode: 0o600 });
  },
  processes({ directory }): RouterProcess[] {
    const settings = {
      "exabgp.daemon.user": "root",
      "exabgp.daemon.drop": "false",
      "exabgp.api.cli": "false",
      "exabgp.log.level": "DEBUG",
      "exabgp.log.network": "true",
      "exabgp.tcp.bind": "",
    };
    return [{ name: "exabgp", argv: ["exabgp", `${directory}/exabgp.conf`], env: settings, ready: null }];
  },
  ready: () => Promise.resolve(),
  reload: () => Promise.reject(new Error("ExaBGP is restarted for a new configuration")),
  sessions: () => Promise.reject(new Error("ExaBGP tells its state in its log only")),
  routes: () => Promise.resolve([]),
  act: () => Promise.reject(new Error("ExaBGP takes no commands here")),
};
