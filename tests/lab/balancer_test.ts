import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { faultNamed, runFault } from "./faults.ts";
import { Lab, PATIENT } from "./lab.ts";
import { ECHO_PORT, OPEN_ECHO_PORT, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES } from "./records.ts";

const VIPS = { 4: VIP_4, 6: VIP_6 } as const;

/** What the web backend says it was asked, through the balancer on `host`. */
function web(lab: Lab, host: string): { status: string; name: string; headers: Record<string, string> } {
  const [status = "", body = "{}"] = lab.ask("get", `http://${host}/some/path`);
  return { status, ...JSON.parse(body) };
}

privileged(
  "clients reach the backends through the balancers behind the addresses, and connections end with the hold",
  async (t) => {
    await Lab.with({ backends: 2, timing: PATIENT }, async (lab) => {
      await lab.startAll();
      await t.step("web requests to the address are spread over the backends and say who asked", () => {
        const names = new Set<string>();
        for (const host of [VIP_4, `[${VIP_6}]`, VIP_4, `[${VIP_6}]`]) {
          const { status, name, headers } = web(lab, host);
          assert.equal(status, "200");
          assert.equal(headers["x-forwarded-for"], host === VIP_4 ? lab.client.station.ip4 : lab.client.station.ip6);
          names.add(name);
        }
        assert.deepEqual([...names].sort(), ["backend1", "backend2"]);
      });
      await t.step(
        "bytes go through the balancer of connections and come back, also after the client's half has ended",
        () => {
          for (const family of FAMILIES) {
            const answer = lab.ask("echo", VIPS[family], String(ECHO_PORT), "round trip");
            assert.match(answer.join("\n"), /^backend[12]\nround trip$/);
          }
        },
      );
      await t.step(
        "a balancer bound to the address listens on no other address, one that is not listens on every node",
        () => {
          for (const node of lab.nodes) {
            const { ip4, ip6 } = node.machine.station;
            assert.deepEqual(lab.ask("refused", ip4, String(ECHO_PORT)), ["refused"]);
            assert.deepEqual(lab.ask("refused", ip4, String(OPEN_ECHO_PORT)), ["open"]);
            assert.deepEqual(lab.ask("refused", ip6, String(OPEN_ECHO_PORT)), ["open"]);
          }
        },
      );
      await t.step(
        "connections through the address are cut when another node takes it, never left hanging",
        async () => {
          const held = await Promise.all(FAMILIES.map((family) => lab.hold(VIPS[family], ECHO_PORT)));
          const open = await lab.hold(lab.nodes[0]?.machine.station.ip4 ?? "", OPEN_ECHO_PORT);
          const result = await runFault(lab, faultNamed("transfer"));
          assert.notEqual(result.after, result.before);
          for (const child of held) {
            await child.end(2000);
            assert.deepEqual(child.log.slice(1), ["reset"]);
          }
          assert.equal(open.status, null, "a connection that is not bound to the address goes on");
          await open.stop("SIGKILL");
        },
      );
      await t.step("the new holder's balancers serve at once", () => {
        assert.equal(web(lab, VIP_4).status, "200");
        assert.match(lab.ask("echo", VIP_6, String(ECHO_PORT), "again").join("\n"), /^backend[12]\nagain$/);
      });
    });
  },
);
