import { withRouters } from "../routers/needs.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS } from "../routers/scenarios.ts";
import { speakerConfig, speakerPeer } from "../routers/speaker_protocol.ts";
import { neighbor } from "../routers/types.ts";
import { hold, NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";

const LINK = "eth0";
const PASSWORD = "between_us";

/** Nothing but the router's own connection can bring the session up. */
const PEER = speakerPeer(LINK, null, {
  address: { is: "unnumbered", interface: LINK },
  password: PASSWORD,
  passive: true,
});

withRouters(
  "FRR without addresses on the link, started after us, connects to us with a password",
  ["frr"],
  async () => {
    await RouterLab.with(async (lab) => {
      const [border, node] = [lab.machine("frr"), lab.machine("node")];
      hold(node, VIP_4, VIP_6);
      const speaker = await lab.speaker(
        speakerConfig(NODE_AS, node.station.ip4, { peers: [PEER], listenPort: 179 }),
        node,
      );
      await speaker.announce(VIP_4, VIP_6);
      const neighbors = [neighbor(LINK, null, { unnumbered: true, password: PASSWORD })];
      const plain = { gracefulRestart: false, originate: [] };
      const router = await lab.router(
        "frr",
        { as: ROUTER_AS, routerId: border.station.ip4, neighbors, ...plain },
        border,
      );
      await speaker.waitUp(LINK, PATIENCE_MS);
      for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 1, PATIENCE_MS);
      await router.clearSession(LINK);
      await speaker.waitReport(LINK, PATIENCE_MS, ({ established }) => established === 2);
      for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 1, PATIENCE_MS);
    });
  },
);
