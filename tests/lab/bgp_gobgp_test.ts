import { withRouters } from "../routers/needs.ts";
import {
  holdExpires,
  keysMatter,
  policyArrives,
  routerRestarts,
  routerTellsWhy,
  routesArrive,
  speakerTellsWhy,
  thousandRoutes,
} from "../routers/scenarios.ts";
import { endure, withWorld } from "../routers/world.ts";

const KEY = { password: "between_us" };
// A session that it reset itself is left out: it then stays idle for thirty seconds, whatever its settings say.
withRouters("GoBGP has our routes, whatever both sides do", ["gobgp"], async (t) => {
  await withWorld("gobgp", { neighbor: KEY, peer: KEY }, (world) =>
    endure(t, world, {
      "routes of both families are in its BGP table": routesArrive,
      "a thousand host routes come and go within a second": thousandRoutes,
      "communities, MED and prepended path arrive, and the wish to prefer others": policyArrives,
      "its shutdown text is in our report": routerTellsWhy,
      "our shutdown text is known to it": speakerTellsWhy,
      "it has the routes back after its restart": routerRestarts,
      "it gives us up when we hang for the hold time": holdExpires,
      "the wrong key keeps the session down, the right one brings it up": keysMatter,
    }));
});
