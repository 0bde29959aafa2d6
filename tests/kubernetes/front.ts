/**
 * `front.ts <port> <port behind> <address>`: what clients of a node's API server talk to, a process of its own in the node's namespace so
 * that it is as prompt as the server. It listens on every address of the node, and on `address` at the port behind, which is where the
 * servers tell each other to be; it carries on to the loopback. Each line of standard input is a {@link Road} as JSON.
 */

import { TextLineStream } from "./lines.ts";
import { Relay, type Road } from "./relay.ts";

const LOOPBACK = "127.0.0.1";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [port, behind] = Deno.args.slice(0, 2).map(Number);
  const [, , address = LOOPBACK] = Deno.args;
  const connect = (): Promise<Deno.TcpConn> => Deno.connect({ hostname: LOOPBACK, port: behind ?? 0 });
  const relays = [{ hostname: "::", port: port ?? 0 }, { hostname: address, port: behind ?? 0 }]
    .map((place) => new Relay(Deno.listen(place), connect));
  print("listening");
  for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    const road: Road = JSON.parse(line);
    for (const relay of relays) relay.become(road);
    print(`now ${line}`);
  }
  Deno.exit();
}
