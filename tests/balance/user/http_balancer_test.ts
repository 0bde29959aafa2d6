import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { httpBalancerContract } from "../../contracts/balancer_http.ts";
import type { Maker } from "../kit.ts";

const make: Maker = (config, deps) => new UserBalancer(config, { ...deps, threads: new UserThreads(systemClock) });

httpBalancerContract("user", make);
