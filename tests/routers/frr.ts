/** FRR: zebra, bgpd and bfdd. */

import { askVty } from "./control.ts";
import { frrConfig } from "./frr_config.ts";
import { frrRoutes, frrSessions } from "./frr_output.ts";
import type { RouterPlace, RouterProcess, Software } from "./software.ts";
import type { RouterSession, TableRoute } from "./types.ts";

const FOLDER = "/usr/lib/frr";
const DAEMONS = ["zebra", "bfdd", "bgpd"] as const;

/**
 * A daemon that is started by root changes its user and loses the signal that ends it with its parent: it begins as that user, with what
 * it needs. Its notes for the case of a crash, which are left by one that is killed, are in a mount namespace of its own.
 */
const RIGHTS = "+net_admin,+net_raw,+net_bind_service,+sys_admin,+setgid,+setuid";
const AS_FRR = `setpriv --reuid frr --regid frr --init-groups --inh-caps ${RIGHTS} --ambient-caps ${RIGHTS}`;
const SCRIPT = `mount -t tmpfs -o mode=1777 tmpfs /var/tmp && exec ${AS_FRR} --pdeathsig KILL -- "$@"`;

function process(name: typeof DAEMONS[number], { directory }: RouterPlace): RouterProcess {
  const zebra = `${directory}/zserv.sock`;
  const paths = ["-f", `${directory}/${name}.conf`, "-i", `${directory}/${name}.pid`, "-z", zebra];
  const control = [
    "--vty_socket",
    directory,
    "-P",
    "0",
    ...(name === "bfdd" ? ["--bfdctl", `${directory}/bfdd.sock`] : []),
  ];
  const daemon = [`${FOLDER}/${name}`, ...paths, ...control, "--log", "stdout"];
  const argv = ["unshare", "--mount", "sh", "-c", SCRIPT, name, ...daemon];
  const answers = (): Promise<string> => askVty(`${directory}/${name}.vty`, ["enable"]);
  // A daemon that does not reach zebra at its start tries again after ten seconds.
  const serves = async (): Promise<void> => {
    await answers();
    (await Deno.connect({ transport: "unix", path: zebra })).close();
  };
  return { name, argv, env: {}, ready: name === "zebra" ? serves : answers };
}

function bgpd(place: RouterPlace): string {
  return `${place.directory}/bgpd.vty`;
}

function show(place: RouterPlace, what: string, options = ""): Promise<string> {
  return askVty(bgpd(place), ["enable", `show ${what} json${options}`]);
}

/** Gives the directory to the daemons' user. */
function own(directory: string): void {
  const command = new Deno.Command("chown", { args: ["-R", "frr:frr", directory] });
  if (!command.outputSync().success) throw new Error("there is no user frr");
}

export const frr: Software = {
  kind: "frr",
  installs: true,
  write({ directory }, config): void {
    for (const name of DAEMONS) {
      const text = name === "bgpd" ? frrConfig(config) : "frr defaults traditional\n";
      Deno.writeTextFileSync(`${directory}/${name}.conf`, text, { mode: 0o600 });
    }
    own(directory);
  },
  processes: (place) => DAEMONS.map((name) => process(name, place)),
  ready: () => Promise.resolve(),
  async reload(place, { from, to }): Promise<void> {
    const lines = frrConfig(to).split("\n").map((line) => line.trim()).filter((line) => line !== "");
    await askVty(bgpd(place), ["enable", "configure", `no router bgp ${from.as}`, ...lines.slice(1), "end"]);
  },
  async sessions(place): Promise<RouterSession[]> {
    return frrSessions(await show(place, "bgp neighbors"));
  },
  async routes(place, _config, family): Promise<TableRoute[]> {
    return frrRoutes(await show(place, `bgp ipv${family} unicast`, " detail"));
  },
  async act(place, config, { peer, action }): Promise<void> {
    const inside = (line: string): string[] => ["enable", "configure", `router bgp ${config.as}`, line, "end"];
    switch (action.do) {
      case "clear":
        await askVty(bgpd(place), ["enable", `clear bgp ${peer}`]);
        return;
      case "shutdown":
        await askVty(bgpd(place), inside(`neighbor ${peer} shutdown message ${action.text}`));
        return;
      case "enable":
        await askVty(bgpd(place), inside(`no neighbor ${peer} shutdown`));
        return;
    }
  },
};
