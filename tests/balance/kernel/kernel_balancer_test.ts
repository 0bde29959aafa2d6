import { balancerContract } from "../../contracts/balancer.ts";
import { privileged } from "../../fakes/privileges.ts";
import { insideNamespace, makeKernelBalancer } from "./kit.ts";

balancerContract({
  engine: "kernel",
  make: makeKernelBalancer,
  abilities: ["passes-refusals"],
  test: (name, run) => privileged(name, () => insideNamespace(run)),
});
