/**
 * Certificates and keys are tried before they are used: Deno 2.7 ends the whole process ("Deno has panicked", ext/tls/lib.rs) when
 * `createHttpClient`, `connectTls` or `node:tls` are given a client certificate and key that do not belong together or cannot be read,
 * as they are while somebody is renewing them.
 */

/**
 * Why a certificate and its key cannot be used; null if they can. A server's listener applies the same rules to the pair as a client
 * does, and throws instead. It listens on loopback for as long as this call takes.
 *
 * @param pair PEM
 */
export function keyPairFault(pair: { readonly cert: string; readonly key: string }): string | null {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair }).close();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "they cannot be read";
  }
}

/**
 * Why these authorities cannot be used; null if they can.
 *
 * @param caCerts PEM
 */
export function authoritiesFault(caCerts: readonly string[]): string | null {
  try {
    Deno.createHttpClient({ caCerts: [...caCerts] }).close();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "they cannot be read";
  }
}
