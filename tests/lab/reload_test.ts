/** A group of three goes over to other configurations while it serves. */
import assert from "node:assert/strict";
import { parse, stringify } from "@kube-vip/yaml";
import { privileged } from "../fakes/privileges.ts";
import type { Child } from "./child.ts";
import { Lab, PATIENT } from "./lab.ts";
import type { LabNode } from "./node.ts";
import { BACKEND_ECHO_PORT, BACKEND_HTTP_PORT, ECHO_PORT, HTTP_PORT, PREFIX_LENGTH_4, VIP_4, VIP_6 } from "./plan.ts";

const ASKER = [Deno.execPath(), "run", "-A", new URL("asker.ts", import.meta.url).pathname];
const CLIENTS = 4;
const LIMIT_MS = 10_000;
const MORE_PORT = 7100;
/** Where a member goes. */
const NEW_IP = "10.98.0.19";

type Config = Record<string, unknown>;

function fileOf(node: LabNode): string {
  return `${node.place.directory}/config.yaml`;
}

function readConfig(node: LabNode): Config {
  return Object(parse(Deno.readTextFileSync(fileOf(node))));
}

/** Writes other files to these nodes, has them applied, and waits until each says `says`. */
async function reload(nodes: readonly LabNode[], change: (config: Config) => Config, says: string): Promise<void> {
  await Promise.all(nodes.map(async (node) => {
    const from = node.child.log.length;
    Deno.writeTextFileSync(fileOf(node), stringify(change(readConfig(node))));
    node.child.signal("SIGHUP");
    await node.child.waitForLine(says, { limitMs: LIMIT_MS, from });
  }));
}

function balancers(
  backends: readonly string[],
  extra: readonly Config[] = [],
  web: Config = { name: "web" },
): (config: Config) => Config {
  const echo = backends.map((address) => ({ address, port: BACKEND_ECHO_PORT }));
  const urls = backends.map((address) => ({ url: `http://${address}:${BACKEND_HTTP_PORT}` }));
  return (config) => ({
    ...config,
    loadBalancers: [
      { ...web, type: "http", port: HTTP_PORT, bindToVip: true, backends: urls },
      { name: "echo", type: "tcp", port: ECHO_PORT, bindToVip: true, backends: echo },
      ...extra,
    ],
  });
}

/** The clients of both families. */
async function startAsking(lab: Lab): Promise<Child[]> {
  const children = [VIP_4, VIP_6].map((ip) =>
    lab.run(lab.client, `asking ${ip}`, [...ASKER, ip, String(HTTP_PORT), String(CLIENTS)])
  );
  await Promise.all(children.map((child) => child.waitForLine("asking", { limitMs: LIMIT_MS })));
  return children;
}

async function endAsking(children: readonly Child[]): Promise<void> {
  for (const child of children) {
    await child.write("end\n");
    await child.end(LIMIT_MS);
    assert.match(child.log.at(-1) ?? "", /^asked [1-9]\d\d+, failed 0 $/, child.name);
  }
}

/** A member that does not hold the addresses listens somewhere else from now on, and nowhere else. */
async function moveMember(lab: Lab, moving: LabNode): Promise<void> {
  const others = lab.others(moving);
  const moved = (peer: Config): Config => peer["id"] === moving.name ? { ...peer, address: NEW_IP } : peer;
  const changed = (config: Config): Config => ({
    ...config,
    localPeer: moved(Object(config["localPeer"])),
    remotePeers: (Array.isArray(config["remotePeers"]) ? config["remotePeers"] : []).map(moved),
  });
  moving.machine.addAddress(NEW_IP, PREFIX_LENGTH_4);
  await reload(others, changed, `other addresses of ${moving.name}`);
  await reload([moving], changed, "localPeer: has changed, which needs a restart");
  await moving.terminate();
  moving.start();
  await moving.ready(LIMIT_MS);
}

privileged(
  "a group goes over to other configurations while it serves: no request fails, nobody else holds the addresses",
  async (t) => {
    await Lab.with({ backends: 2, timing: PATIENT, extra: { clusterId: "lab" } }, async (lab) => {
      const [one, two] = lab.backends.map(({ station }) => station.ip4);
      assert.ok(one !== undefined && two !== undefined);
      await lab.startAll();
      await reload(lab.nodes, balancers([one]), "Configuration reloaded");
      const holder = await lab.settled();
      const asking = await startAsking(lab);
      const held = await lab.hold(VIP_4, ECHO_PORT);
      assert.equal(held.log[0], "open backend1");

      await t.step("a backend takes another's place, and what the first one has goes on", async () => {
        await reload(lab.nodes, balancers([two]), 'changes="updated web, echo"');
        for (const ip of [VIP_4, VIP_6]) {
          assert.match(lab.ask("echo", ip, String(ECHO_PORT), "x").join(" "), /^backend2 x/);
        }
        assert.equal(held.status, null);
      });
      await t.step(
        "a balancer that is new serves at once on the addresses that are held, and then no more",
        async () => {
          const more = {
            name: "more",
            type: "tcp",
            port: MORE_PORT,
            bindToVip: true,
            backends: [`${one}:${BACKEND_ECHO_PORT}`],
          };
          await reload(lab.nodes, balancers([one, two], [more]), 'changes="added more; updated web, echo"');
          for (const ip of [VIP_4, VIP_6]) {
            assert.match(lab.ask("echo", ip, String(MORE_PORT), "y").join(" "), /^backend1 y/);
          }
          await reload(lab.nodes, balancers([one, two]), 'changes="removed more"');
          assert.deepEqual(lab.ask("refused", VIP_4, String(MORE_PORT)), ["refused"]);
        },
      );
      await t.step("a balancer with another name and more threads takes the port over, and back", async () => {
        for (let turn = 0; turn < 5; turn++) {
          const next = balancers([one, two], [], { name: "site", threads: 2 });
          await reload(lab.nodes, next, 'changes="replaced web by site"');
          await reload(lab.nodes, balancers([one, two]), 'changes="replaced site by web"');
        }
      });
      await t.step("a bad file, and one that needs a restart, change nothing", async () => {
        const good = balancers([one, two]);
        await reload(lab.nodes, (config) => ({ ...config, timing: "quick" }), "Configuration refused");
        await reload(lab.nodes, (config) => ({ ...config, timing: "default" }), "timing: has changed");
        await reload(lab.nodes, (config) => good({ ...config, timing: PATIENT }), "changes=nothing");
      });
      await t.step("a member moves to another address", async () => {
        const [moving] = lab.others(holder);
        assert.ok(moving !== undefined);
        await moveMember(lab, moving);
        assert.equal(await lab.settled(), holder);
      });
      assert.equal(held.status, null, "the connection of the beginning is still there");
      await held.stop("SIGKILL");
      await endAsking(asking);
      assert.equal(lab.holder(), holder);
    });
  },
);
