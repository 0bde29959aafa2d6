import assert from "node:assert/strict";
import { RouteTableAnnouncer } from "../../mod/routes/table_announcer.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { RouteType } from "../../mod/net/netlink/route.ts";
import { askVty } from "../routers/control.ts";
import { withRouters } from "../routers/needs.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { neighbor, type RouterConfig } from "../routers/types.ts";
import type { Machine } from "./network.ts";
import { ip } from "./plan.ts";
import { sleep } from "./time.ts";

const SHAPE = { table: 198, protocol: 248, type: RouteType.UNICAST };
const VIP_4 = "10.77.0.200";
const VIP_6 = "fd77::200";
const OWNER = "control-plane";
const UP_MS = 20_000;
/** What is asked of routes: in the second router and out of it within this time. */
const SOON_MS = 2000;
const AS = { frr: 65001, bird: 65002, far: 65009 };

/** An announcer on a machine of the laboratory, in real time. */
function announcerOn(machine: Machine): RouteTableAnnouncer {
  const announcer = new RouteTableAnnouncer({
    shape: SHAPE,
    cleanStale: false,
    linkName: machine.station.device,
    reassertMs: 300,
    managed: () => [VIP_4, VIP_6],
    book: machine.routes,
    clock: systemClock,
  });
  announcer.start();
  return announcer;
}

function config(as: number, host: number, neighbors: RouterConfig["neighbors"]): RouterConfig {
  return { as, routerId: `10.98.0.${host}`, neighbors, gracefulRestart: false, originate: [] };
}

/** FRR redistributes IPv4 from another table when zebra imports it first; it imports no IPv6. */
async function frrNode(lab: RouterLab, machine: Machine, far: Machine): Promise<void> {
  await lab.router("frr", config(AS.frr, 1, [neighbor(far.station.ip4, AS.far)]), machine);
  const directory = `${lab.directory}/${machine.name}`;
  const configure = (daemon: string, lines: readonly string[]): Promise<string> =>
    askVty(`${directory}/${daemon}.vty`, ["enable", "configure", ...lines, "end"]);
  await configure("zebra", [`ip import-table ${SHAPE.table}`]);
  await configure("bgpd", [`router bgp ${AS.frr}`, "address-family ipv4 unicast", `redistribute table ${SHAPE.table}`]);
}

/** BIRD that learns the routes of others from the table. */
function birdNode(lab: RouterLab, machine: Machine, far: Machine): void {
  const families = [4, 6] as const;
  const tables = families.map((family) =>
    `ipv${family} table vips${family};
protocol kernel learn${family} { kernel table ${SHAPE.table}; learn; ipv${family} { table vips${family}; import all; export none; }; }\n`
  );
  const channels = families.map((family) =>
    `ipv${family} { table vips${family}; import none; export where source = RTS_INHERIT; };`
  );
  const path = `${lab.directory}/learner.conf`;
  Deno.writeTextFileSync(
    path,
    `log stderr all;
router id 10.98.0.2;
protocol device { scan time 1; }
${tables.join("")}protocol bgp far {
  local as ${AS.bird}; neighbor ${far.station.ip4} as ${AS.far}; connect delay time 1; connect retry time 1;
  ${channels.join(" ")}
}
`,
  );
  lab.run(machine, "learner", ["bird", "-f", "-c", path, "-s", `${lab.directory}/learner.ctl`]);
}

/** Waits until exactly these neighbours lead to the prefix; gives the milliseconds that it took. */
async function waitFrom(router: Router, prefix: string, from: readonly string[]): Promise<number> {
  const wanted = from.toSorted().join();
  const look = async (): Promise<true | null> => {
    const found = (await router.paths(prefix)).map((path) => path.from);
    return found.toSorted().join() === wanted ? true : null;
  };
  return (await router.waitFor(`${prefix} from ${wanted || "nobody"}`, SOON_MS, look)).tookMs;
}

withRouters(
  "FRR and BIRD redistribute a route of the table to the next router for as long as it is announced",
  ["frr", "bird"],
  () =>
    RouterLab.with(async (lab) => {
      const [frr, bird, far] = [lab.machine("frr"), lab.machine("bird"), lab.machine("far")];
      const both = [frr.station.ip4, bird.station.ip4];
      const neighbors = [neighbor(both[0] ?? "", AS.frr), neighbor(both[1] ?? "", AS.bird)];
      const router = await lab.router("bird", config(AS.far, 3, neighbors), far);
      await frrNode(lab, frr, far);
      birdNode(lab, bird, far);
      for (const peer of both) await router.waitUp(peer, UP_MS);
      // Of a prefix that is on a link FRR takes nothing from a table: connected routes come first.
      for (const [vip, length] of [[VIP_4, 32], [VIP_6, 128]] as const) bird.addAddress(vip, length);
      const announcers = [frr, bird].map(announcerOn);
      try {
        for (const one of announcers) for (const vip of [VIP_4, VIP_6]) one.announce(vip, OWNER);
        await waitFrom(router, `${VIP_4}/32`, both);
        await waitFrom(router, `${VIP_6}/128`, [bird.station.ip4]);
        await assertSteady(router, `${VIP_4}/32`, both);
        bird.routes.removeRoute({ destination: ip(VIP_4), table: SHAPE.table });
        await waitFrom(router, `${VIP_4}/32`, [frr.station.ip4]);
        await waitFrom(router, `${VIP_4}/32`, both);
        for (const one of announcers) one.withdraw(VIP_4, OWNER);
        await waitFrom(router, `${VIP_4}/32`, []);
        await waitFrom(router, `${VIP_6}/128`, [bird.station.ip4]);
      } finally {
        for (const one of announcers) await one.close();
      }
      await waitFrom(router, `${VIP_6}/128`, []);
      for (const { routes } of [frr, bird]) assert.deepEqual(routes.routes({ table: SHAPE.table }), []);
    }),
);

/** Through several rounds of telling the daemons anew, the paths stay. */
async function assertSteady(router: Router, prefix: string, from: readonly string[]): Promise<void> {
  const untilMs = performance.now() + 1500;
  while (performance.now() < untilMs) {
    const found = (await router.paths(prefix)).map((path) => path.from);
    assert.deepEqual(found.toSorted(), from.toSorted());
    await sleep(10);
  }
}
