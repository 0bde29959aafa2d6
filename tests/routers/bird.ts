/** BIRD 2. */

import { birdConfig, birdProtocol } from "./bird_config.ts";
import { birdBfd, birdRoutes, birdSessions } from "./bird_output.ts";
import { askBird } from "./control.ts";
import type { RouterPlace, RouterProcess, Software } from "./software.ts";
import type { RouterConfig, RouterSession, TableRoute } from "./types.ts";

function paths({ directory }: RouterPlace): { config: string; control: string } {
  return { config: `${directory}/bird.conf`, control: `${directory}/bird.ctl` };
}

function protocolOf(config: RouterConfig, peer: string): string {
  return birdProtocol(config.neighbors.findIndex((neighbor) => neighbor.peer === peer));
}

export const bird: Software = {
  kind: "bird",
  installs: true,
  write(place, config): void {
    Deno.writeTextFileSync(paths(place).config, birdConfig(config), { mode: 0o600 });
  },
  processes(place): RouterProcess[] {
    const { config, control } = paths(place);
    return [{ name: "bird", argv: ["bird", "-f", "-c", config, "-s", control], env: {}, ready: null }];
  },
  async ready(place): Promise<void> {
    await askBird(paths(place).control, "show status");
  },
  async reload(place): Promise<void> {
    await askBird(paths(place).control, "configure");
  },
  async sessions(place, config): Promise<RouterSession[]> {
    const { control } = paths(place);
    const bfd = birdBfd(await askBird(control, "show bfd sessions"));
    const known = birdSessions(await askBird(control, "show protocols all"));
    return config.neighbors.flatMap(({ peer, bfd: wanted }, index) => {
      const session = known.get(birdProtocol(index));
      if (session === undefined) return [];
      return [{ ...session, peer, bfd: wanted === null ? null : bfd.get(peer) ?? "down" }];
    });
  },
  async routes(place, config, family): Promise<TableRoute[]> {
    const found = birdRoutes(await askBird(paths(place).control, `show route table master${family} all`));
    const peers = new Map(config.neighbors.map(({ peer }, index) => [birdProtocol(index), peer]));
    return found.map((route) => ({ ...route, from: peers.get(route.from) ?? "" }));
  },
  async act(place, config, { peer, action }): Promise<void> {
    const { control } = paths(place);
    const name = protocolOf(config, peer);
    switch (action.do) {
      case "clear":
        await askBird(control, `restart ${name}`);
        return;
      case "shutdown":
        await askBird(control, `disable ${name} "${action.text}"`);
        return;
      case "enable":
        await askBird(control, `enable ${name}`);
        return;
    }
  },
};
