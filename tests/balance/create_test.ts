import { createBalancer } from "../../mod/balance/create.ts";
import { balancerContract } from "../contracts/balancer.ts";
import { httpBalancerContract } from "../contracts/balancer_http.ts";

balancerContract({ engine: "listen", make: createBalancer, abilities: ["own-connections"] });
httpBalancerContract("listen", createBalancer);
