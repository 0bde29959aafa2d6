/**
 * `door.ts <address> <port> <port behind>`: opens a port of the loopback to the other machines. The cluster's API servers tell each other's
 * addresses with the port that they listen on themselves, which in the laboratory is the loopback's only.
 */

import { Relay } from "../kubernetes/relay.ts";

if (import.meta.main) {
  const [hostname = "", port, behind] = Deno.args;
  const connect = (): Promise<Deno.TcpConn> => Deno.connect({ hostname: "127.0.0.1", port: Number(behind) });
  new Relay(Deno.listen({ hostname, port: Number(port) }), connect);
  Deno.stdout.writeSync(new TextEncoder().encode("listening\n"));
}
