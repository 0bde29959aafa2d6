import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { readSysctl, writeSysctl } from "../../mod/linux/sysctl.ts";
import { ForwardingKey, SysctlKeeper, sysctlName } from "../../mod/linux/sysctl_keeper.ts";
import { privileged } from "../fakes/privileges.ts";

const localnet = ForwardingKey.routeLocalnet("lo");

function inNamespace(body: () => void): void {
  const namespace = Namespace.create();
  try {
    namespace.run(body);
  } finally {
    namespace.close();
  }
}

Deno.test("settings are named as sysctl names them", () => {
  assert.equal(sysctlName(ForwardingKey.ipv4), "net.ipv4.ip_forward");
  assert.equal(sysctlName(ForwardingKey.routeLocalnet("eth0.5")), "net.ipv4.conf.eth0/5.route_localnet");
});

privileged("ensure() changes what differs, tells it, and restore() gives it back", () =>
  inNamespace(() => {
    const keeper = new SysctlKeeper();
    writeSysctl(ForwardingKey.ipv4, "0");
    const change = { key: ForwardingKey.ipv4, before: "0", after: "1" };
    assert.deepEqual(keeper.ensure(ForwardingKey.ipv4, "1"), { outcome: "changed", change });
    assert.equal(readSysctl(ForwardingKey.ipv4), "1");
    assert.deepEqual(keeper.ensure(ForwardingKey.ipv4, "1"), { outcome: "already" });
    assert.equal(keeper.ensure(localnet, "1").outcome, "changed");
    assert.equal(keeper.ensure(ForwardingKey.accounting, "1").outcome, "changed");
    assert.deepEqual(keeper.changes[0], change);
    assert.deepEqual(keeper.restore().map(({ key, after }) => `${sysctlName(key)}=${after}`), [
      "net.netfilter.nf_conntrack_acct=0",
      "net.ipv4.conf.lo.route_localnet=0",
      "net.ipv4.ip_forward=0",
    ]);
    assert.equal(readSysctl(ForwardingKey.ipv4), "0");
    assert.deepEqual([keeper.changes, keeper.restore()], [[], []]);
  }));

privileged("what somebody else has set since is not touched", () =>
  inNamespace(() => {
    const keeper = new SysctlKeeper();
    const key = ["ipv4", "conf", "lo", "arp_announce"];
    assert.equal(keeper.ensure(key, "1").outcome, "changed");
    writeSysctl(key, "2");
    assert.deepEqual(keeper.restore(), []);
    assert.equal(readSysctl(key), "2");
  }));

privileged("a setting that is not there is said to be absent", () =>
  inNamespace(() => {
    const key = ForwardingKey.routeLocalnet("nolink");
    assert.deepEqual(new SysctlKeeper().ensure(key, "1"), { outcome: "absent", key, wanted: "1" });
    assert.throws(() => new SysctlKeeper().ensure(localnet, "much"), { code: "EINVAL" });
  }));

privileged("forwarding of IPv6 does not deafen links to router advertisements", () =>
  inNamespace(() => {
    const routes = new RouteSocket();
    routes.addVeth({ name: "host", peerName: "deaf" });
    routes.close();
    writeSysctl(ForwardingKey.ipv6, "0");
    const [host, deaf] = ["host", "deaf"].map(ForwardingKey.routerAdvertisements);
    assert.ok(host && deaf);
    writeSysctl(host, "1");
    writeSysctl(deaf, "0");
    const keeper = new SysctlKeeper();
    const outcomes = keeper.ensureForwarding(6, ["host", "deaf"]);
    assert.deepEqual(outcomes.map(({ outcome }) => outcome), ["changed", "changed"]);
    assert.deepEqual([readSysctl(host), readSysctl(deaf), readSysctl(ForwardingKey.ipv6)], ["2", "0", "1"]);
    assert.deepEqual(keeper.ensureForwarding(6, ["host", "deaf"]), [{ outcome: "already" }]);
    assert.equal(keeper.restore().length, 2);
    assert.deepEqual([readSysctl(host), readSysctl(ForwardingKey.ipv6)], ["1", "0"]);
  }));

privileged(
  "with forwarding everything is given back that the kernel changes together with it, but for what somebody has set since",
  () =>
    inNamespace(() => {
      const routes = new RouteSocket();
      routes.addVeth({ name: "plain", peerName: "bridge" });
      routes.close();
      const redirects = ["ipv4", "conf", "all", "accept_redirects"];
      const own = [["ipv4", "conf", "bridge", "forwarding"], ["ipv6", "conf", "bridge", "forwarding"]];
      const others = [["ipv4", "conf", "plain", "forwarding"], ["ipv6", "conf", "plain", "forwarding"]];
      const fresh = ["ipv6", "conf", "default", "forwarding"];
      const all = [ForwardingKey.ipv4, ForwardingKey.ipv6, redirects, fresh, ...own, ...others];
      const now = (): string => all.map(readSysctl).join("");
      for (const key of all) writeSysctl(key, "0");
      for (const key of [fresh, ...own]) writeSysctl(key, "1");
      assert.equal(now(), "00011100");
      const keeper = new SysctlKeeper();
      for (const family of [4, 6] as const) keeper.ensureForwarding(family, ["lo", "plain", "bridge", "gone"]);
      assert.equal(now(), "11011111");
      assert.deepEqual(keeper.restore(([family]) => family === "ipv6")[0]?.key, ForwardingKey.ipv6);
      assert.equal(now(), "10011110", "only what is due");
      keeper.restore();
      assert.equal(now(), "00011100");
      keeper.ensureForwarding(4, ["bridge"]);
      for (const key of own) writeSysctl(key, "0");
      keeper.restore();
      assert.equal(now(), "00010000");
    }),
);

privileged("without the privilege a setting is refused, with what it is", () => {
  const module = JSON.stringify(new URL("../../mod/linux/sysctl_keeper.ts", import.meta.url).href);
  const script = `import { SysctlKeeper } from ${module};
    console.log(JSON.stringify(new SysctlKeeper().ensure(["ipv4", "conf", "lo", "route_localnet"], "1")));`;
  const mount = 'mount -o bind,ro /proc/sys /proc/sys && exec "$0" eval "$1"';
  const args = ["-nm", "sh", "-c", mount, Deno.execPath(), script];
  const { stdout, stderr } = new Deno.Command("unshare", { args }).outputSync();
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(stdout) || "null"),
    { outcome: "refused", key: localnet, is: "0", wanted: "1" },
    new TextDecoder().decode(stderr),
  );
}, { program: "unshare" });
