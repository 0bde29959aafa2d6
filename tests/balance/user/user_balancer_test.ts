import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { balancerContract } from "../../contracts/balancer.ts";
import type { Maker } from "../kit.ts";

const make: Maker = (config, deps) => new UserBalancer(config, { ...deps, threads: new UserThreads(systemClock) });

balancerContract({ engine: "user", make, abilities: ["own-connections"] });
