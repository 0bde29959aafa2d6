/** The BFD daemons of routers, with nothing else of them. */
import type { BfdConfig } from "../../mod/bfd/types.ts";
import type { BfdLab } from "./bfd_lab.ts";
import { askVty } from "../routers/control.ts";
import { sleep } from "./time.ts";

const FRR = "/usr/lib/frr";
/** The daemons do not change their user themselves, as that would lose the signal that ends them with this process. */
const RIGHTS = "+net_admin,+net_raw,+net_bind_service,+sys_admin,+setgid,+setuid";
const AS_FRR = ["--reuid", "frr", "--regid", "frr", "--init-groups", "--inh-caps", RIGHTS, "--ambient-caps", RIGHTS];
const START_MS = 10_000;

/** One neighbour of the router, as the router sees it. */
export interface RouterPeer extends BfdConfig {
  readonly peer: string;
  readonly local: string;
  readonly multihop: boolean;
}

/** A BFD daemon that runs on the router of a laboratory. */
export interface BfdRouter {
  /** Kills it without a word. */
  kill(): Promise<void>;
  /** Starts it again. */
  start(): void;
  /** Where it keeps its control socket. */
  readonly directory: string;
}

/** Starts a daemon that has these neighbours. */
export type StartRouter = (lab: BfdLab, peers: readonly RouterPeer[]) => Promise<BfdRouter>;

/** FRR's bfdd, and zebra, without which it knows no links. */
export const startFrr: StartRouter = async (lab, peers) => {
  const zebra = await lab.directory();
  const zserv = `${zebra}/zserv`;
  lab.daemon("zebra", await frrCommand("zebra", { directory: zebra, zserv, config: "" }));
  await exists(zserv);
  const config = `bfd\n${peers.map((each) => frrPeer(lab.router.station.device, each)).join("")}!\n`;
  const directory = await lab.directory();
  const command = await frrCommand("bfdd", { directory, zserv, config });
  return running(lab, directory, [...command, "--bfdctl", `${directory}/bfdctl`]);
};

function running(lab: BfdLab, directory: string, command: readonly string[]): BfdRouter {
  let child = lab.daemon("BFD daemon", command);
  return {
    directory,
    kill: async () => void await child.stop("SIGKILL"),
    start: () => void (child = lab.daemon("BFD daemon", command)),
  };
}

/** Lets bfdd do something to a neighbour, as an operator would. */
export async function configureFrr(
  lab: BfdLab,
  { directory }: BfdRouter,
  { peer, command }: { peer: RouterPeer; command: "shutdown" | "no shutdown" },
): Promise<void> {
  const [line = ""] = frrPeer(lab.router.station.device, peer).split("\n");
  await askVty(`${directory}/bfdd.vty`, ["enable", "configure", "bfd", line.trim(), command]);
}

/** Lets bfdd forget a neighbour and take it anew, as it does itself when BGP has come up: its discriminator is another one. */
export async function recreateFrr(lab: BfdLab, { directory }: BfdRouter, peer: RouterPeer): Promise<void> {
  const lines = frrPeer(lab.router.station.device, peer).split("\n").map((line) => line.trim());
  const commands = ["bfd", `no ${lines[0]}`, ...lines.filter((line) => line !== "")];
  await askVty(`${directory}/bfdd.vty`, ["enable", "configure", ...commands]);
}

async function frrCommand(
  name: string,
  { directory, zserv, config }: { directory: string; zserv: string; config: string },
): Promise<string[]> {
  await Deno.writeTextFile(`${directory}/conf`, config);
  await Deno.chmod(directory, 0o777);
  const own = ["-f", `${directory}/conf`, "-i", `${directory}/pid`, "--vty_socket", directory, "-P", "0"];
  const command = [`${FRR}/${name}`, ...own, "-z", zserv, "--log", "stdout"];
  return ["setpriv", ...AS_FRR, "--pdeathsig", "KILL", "--", ...command];
}

function frrPeer(device: string, { peer, local, multihop, ...timers }: RouterPeer): string {
  const path = multihop ? `multihop local-address ${local}` : `local-address ${local} interface ${device}`;
  return ` peer ${peer} ${path}
  detect-multiplier ${timers.multiplier}
  receive-interval ${timers.requiredRxMs}
  transmit-interval ${timers.desiredTxMs}
  no shutdown
`;
}

/** BIRD with its BFD protocol and nothing that uses it. */
export const startBird: StartRouter = async (lab, peers) => {
  const directory = await lab.directory();
  await Deno.writeTextFile(`${directory}/conf`, birdConfig(lab.router.station.device, peers));
  return running(lab, directory, ["bird", "-f", "-c", `${directory}/conf`, "-s", `${directory}/ctl`]);
};

function birdConfig(device: string, peers: readonly RouterPeer[]): string {
  const [first] = peers;
  if (first === undefined) throw new Error("a router without peers");
  const timers =
    `min rx interval ${first.requiredRxMs} ms; min tx interval ${first.desiredTxMs} ms; multiplier ${first.multiplier};`;
  const neighbors = peers.map(({ peer, local, multihop }) =>
    multihop
      ? `  neighbor ${peer} local ${local} multihop on;\n`
      : `  neighbor ${peer} dev "${device}" local ${local};\n`
  );
  return `log stderr all;
router id 10.98.0.2;
protocol device {}
protocol bfd {
  interface "*" { ${timers} };
  multihop { ${timers} };
${neighbors.join("")}}
`;
}

async function exists(path: string): Promise<void> {
  const limit = performance.now() + START_MS;
  for (;;) {
    try {
      await Deno.stat(path);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || performance.now() > limit) throw error;
    }
    await sleep(20);
  }
}
