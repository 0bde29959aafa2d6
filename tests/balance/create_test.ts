import { createBalancer } from "../../mod/balance/create.ts";
import { balancerContract } from "../contracts/balancer.ts";

balancerContract("listen", createBalancer);
