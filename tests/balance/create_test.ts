import { createBalancer } from "../../mod/balance/create.ts";
import { balancerContract } from "../contracts/balancer.ts";
import { httpBalancerContract } from "../contracts/balancer_http.ts";

balancerContract("listen", createBalancer);
httpBalancerContract("listen", createBalancer);
