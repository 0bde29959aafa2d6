import { withRouters } from "../routers/needs.ts";
import {
  holdExpires,
  keysMatter,
  policyArrives,
  routerClears,
  routerRestarts,
  routerTellsWhy,
  routesArrive,
  speakerTellsWhy,
  thousandRoutes,
  trafficFlows,
} from "../routers/scenarios.ts";
import { endure, withWorld } from "../routers/world.ts";

const KEY = { password: "between_us" };

withRouters("BIRD has our routes, whatever both sides do", ["bird"], async (t) => {
  await withWorld("bird", { neighbor: KEY, peer: KEY }, (world) =>
    endure(t, world, {
      "routes of both families are in its BGP table": routesArrive,
      "they are in its kernel, and traffic flows until they are withdrawn": trafficFlows,
      "a thousand host routes come and go within a second": thousandRoutes,
      "communities, MED and prepended path arrive, and the wish to prefer others": policyArrives,
      "its shutdown text is in our report": routerTellsWhy,
      "our shutdown text is known to it": speakerTellsWhy,
      "it has the routes back after its restart": routerRestarts,
      "it has the routes back after it restarted the protocol": routerClears,
      "it gives us up when we hang for the hold time": holdExpires,
      "the wrong key keeps the session down, the right one brings it up": keysMatter,
    }));
});
