/** The suites of the engines, with TLS at the front: what holds in the clear holds enciphered. */
import { balancerContract } from "../../contracts/balancer.ts";
import { httpBalancerContract } from "../../contracts/balancer_http.ts";
import { bridgedMaker } from "./bridge.ts";
import { Authority } from "./certificates.ts";

const dir = await Deno.makeTempDir({ prefix: "kube-vip-tls-" });
addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
const authority = await Authority.make(dir);
const make = bridgedMaker(authority, await authority.issue("front", { names: "DNS:localhost" }));

balancerContract({ engine: "TLS", make, abilities: [] });
httpBalancerContract("TLS", make, {
  leaving: [
    // They compare what the backend gets with the length of `X-Forwarded-Proto: http`; the reader of heads is the same.
    /^published cases of request smuggling/,
    // It counts the bytes before the reset, and those may still be on their way to be enciphered: see aside_balancer_test.ts.
    /^a backend that dies within a response/,
  ],
});
