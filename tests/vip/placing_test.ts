import assert from "node:assert/strict";
import { ADDRESS_PROTOCOL } from "../../mod/vip/address.ts";
import { chooseLink, type LinkFacts, type LinkWish, placeOn, type PlacingRequest } from "../../mod/vip/placing.ts";

const ETH0: LinkFacts = { index: 2, name: "eth0", up: true, operState: "up", loopback: false };
const ETH1: LinkFacts = { ...ETH0, index: 3, name: "eth1" };
const LO: LinkFacts = { index: 1, name: "lo", up: true, operState: "unknown", loopback: true };
const WISH: LinkWish = { interface: null, links: [LO, ETH0, ETH1], defaultRoutes: [], allowNotUp: false };

Deno.test("a named link is taken if it is there and up, or may be down; an untold state is a warning only", () => {
  const named = (link: LinkFacts, allowNotUp: boolean): LinkWish => ({
    ...WISH,
    interface: link.name,
    links: [LO, link],
    allowNotUp,
  });
  const rows: [LinkFacts, RegExp | null, RegExp | null][] = [
    [ETH0, null, null],
    [LO, null, null],
    [{ ...ETH0, operState: "unknown" }, /status of the interface eth0 is unknown/, null],
    [{ ...ETH0, operState: "other" }, /eth0 is not up; /, /^eth0 is not valid interface, reason: eth0 is not up$/],
    [{ ...ETH0, up: false, operState: "other" }, /eth0 is not up; /, /reason: eth0 is not up$/],
    [{ ...ETH0, up: false, operState: "unknown" }, /eth0 is not up; /, /reason: eth0 is not up$/],
  ];
  for (const [link, warning, problem] of rows) {
    for (const allowNotUp of [true, false]) {
      const choice = chooseLink(named(link, allowNotUp));
      const shown = JSON.stringify([link, allowNotUp, choice]);
      if (problem !== null && !allowNotUp) {
        assert.match(choice.outcome === "impossible" ? choice.problem : "", problem, shown);
        continue;
      }
      assert.ok(choice.outcome === "chosen" && choice.link === link, shown);
      if (warning === null) assert.equal(choice.warning, null, shown);
      else assert.match(choice.warning ?? "", warning, shown);
    }
  }
});

Deno.test("a link that is not there is refused in upstream's words, also where it may be down", () => {
  const choice = chooseLink({ ...WISH, interface: "eth9", allowNotUp: true });
  assert.deepEqual(choice, {
    outcome: "impossible",
    problem: "eth9 is not valid interface, reason: get eth9 failed, error: Link not found",
  });
});

Deno.test("without a name the default route decides: IPv4 before IPv6, then the lower metric", () => {
  const v4 = { family: 4, linkIndex: 2, metric: 100 } as const;
  const v6 = { family: 6, linkIndex: 3, metric: 1 } as const;
  const rows: [LinkWish["defaultRoutes"], string][] = [
    [[v4], "eth0"],
    [[v6], "eth1"],
    [[v6, v4], "eth0"],
    [[v4, { ...v4, linkIndex: 3, metric: 50 }], "eth1"],
    [[v4, { ...v4, linkIndex: 3 }], "eth0"],
  ];
  for (const [defaultRoutes, name] of rows) {
    const choice = chooseLink({ ...WISH, defaultRoutes });
    assert.equal(choice.outcome === "chosen" ? choice.link.name : choice.problem, name);
  }
  const refused: [Partial<LinkWish>, RegExp][] = [
    [{}, /there is no default route; name the interface/],
    [{ defaultRoutes: [{ ...v4, linkIndex: 0 }] }, /leads to no link/],
    [{ defaultRoutes: [v4], links: [{ ...ETH0, operState: "other" }] }, /eth0 is not up/],
  ];
  for (const [change, problem] of refused) {
    const choice = chooseLink({ ...WISH, ...change });
    assert.match(choice.outcome === "impossible" ? choice.problem : "", problem);
  }
});

const VIP = { ip: "10.0.0.9", prefixLength: 32 };
const OWN = { ip: "10.0.0.1", prefixLength: 24, linkIndex: 2, protocol: 0, validSeconds: Infinity };
const REQUEST: PlacingRequest = {
  addresses: [VIP],
  link: ETH0,
  links: [LO, ETH0, ETH1],
  present: [OWN],
  defaultRoutes: [{ family: 4, linkIndex: 2, metric: 0 }],
  loopbackGlobalScope: true,
};

Deno.test("addresses are placed on the link; outside of its subnets with a warning, on a loopback link without", () => {
  assert.deepEqual(placeOn(REQUEST), { placed: [{ ...VIP, linkName: "eth0" }], problems: [], warnings: [] });
  const outside = placeOn({ ...REQUEST, present: [] });
  assert.equal(outside.placed.length, 1);
  assert.match(outside.warnings[0]?.message ?? "", /in no subnet of eth0/);
  assert.equal(outside.warnings[0]?.key, "address");
  const onLo = { placed: [{ ...VIP, linkName: "lo", scope: "global" }], problems: [], warnings: [] };
  assert.deepEqual(placeOn({ ...REQUEST, link: LO, present: [] }), onLo);
  assert.equal("scope" in (placeOn({ ...REQUEST, link: LO, loopbackGlobalScope: false }).placed[0] ?? {}), false);
});

Deno.test("an address of this machine on another link is a problem, and keeps no other from its place", () => {
  const second = { ip: "10.0.0.10", prefixLength: 32 };
  const { placed, problems } = placeOn({
    ...REQUEST,
    addresses: [VIP, second],
    present: [OWN, { ...OWN, ip: VIP.ip, linkIndex: 3 }],
  });
  assert.deepEqual(placed.map((vip) => vip.ip), [second.ip]);
  assert.deepEqual(problems.map(({ key, value }) => [key, value]), [["address", VIP.ip]]);
  assert.match(problems[0]?.message ?? "", /already belongs to this machine \(eth1\)/);
});

Deno.test("what another run, or another program of this kind, left is no problem", () => {
  const ours = { ...OWN, ip: VIP.ip, linkIndex: 3, protocol: ADDRESS_PROTOCOL, validSeconds: 3 };
  const upstreams = { ...OWN, ip: VIP.ip, prefixLength: 32 };
  for (const left of [ours, upstreams]) {
    assert.deepEqual(placeOn({ ...REQUEST, present: [OWN, left] }).problems, [], JSON.stringify(left));
  }
});

Deno.test("an address that this machine has for itself is no leftover, and stays", () => {
  const own = { ...OWN, ip: VIP.ip };
  const cloud = { ...own, prefixLength: 32 };
  const v6 = { ip: "fd00::9", prefixLength: 128 };
  const rows: [string, Partial<PlacingRequest>, "own" | "left"][] = [
    ["in its subnet", { present: [own] }, "own"],
    ["in its subnet, beside another", { present: [own, OWN] }, "own"],
    ["as a cloud gives it: alone, with a full prefix", { present: [cloud] }, "own"],
    ["leased by DHCP", { present: [{ ...own, validSeconds: 3600, preferredSeconds: 3600 }] }, "own"],
    ["alone but for what is managed", {
      present: [cloud, { ...OWN, ip: "10.0.0.10" }],
      addresses: [VIP, { ...VIP, ip: "10.0.0.10" }],
    }, "own"],
    ["IPv6, beside nothing but link-local", {
      addresses: [v6],
      present: [{ ...OWN, ...v6 }, { ...OWN, ip: "fe80::1", prefixLength: 64 }, OWN],
      defaultRoutes: [{ family: 6, linkIndex: 2, metric: 0 }],
    }, "own"],
    ["left beside the machine's own", { present: [cloud, OWN] }, "left"],
    [
      "left on a link of its own",
      { present: [cloud], defaultRoutes: [{ family: 4, linkIndex: 3, metric: 0 }] },
      "left",
    ],
  ];
  for (const [what, change, is] of rows) {
    const { problems } = placeOn({ ...REQUEST, ...change });
    const [problem] = problems.filter(({ value }) => value === (change.addresses?.[0] ?? VIP).ip);
    if (is === "left") assert.equal(problem, undefined, what);
    else assert.match(problem?.message ?? "none", /already belongs to this machine \(eth0\)/, what);
  }
});
