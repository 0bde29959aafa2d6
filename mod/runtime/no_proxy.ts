/** Connections that decide whether an address is held go to where they are meant to go. */

const PROXY_VARIABLES = ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);

/**
 * Makes a client that takes no notice of proxies in the environment: Deno reads these variables when a client is made, and has no option
 * against them. They are as before on return.
 */
export function withoutProxies<T>(make: () => T): T {
  const kept = PROXY_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of kept) if (value !== undefined) Deno.env.delete(name);
  try {
    return make();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
  }
}
