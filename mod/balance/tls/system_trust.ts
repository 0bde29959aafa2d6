/** Whom backends are trusted for where no file of issuers is configured. */

const STORES = "DENO_TLS_CA_STORE";

/**
 * Lets the runtime trust whom this machine trusts, besides the list that it brings along, unless the environment says otherwise. The runtime
 * looks at this when it needs it first, and then never again.
 */
export function trustSystem(): void {
  if (Deno.env.get(STORES) === undefined) Deno.env.set(STORES, "system,mozilla");
}
