/**
 * Clients that ask a web server one request after the other, half of them on connections that stay: `asker.ts <ip> <port> <clients>`. Says
 * "asking" once there are answers, and on a line of standard input "asked <number>, failed <number>" with what went wrong.
 */
import { Asking } from "../agent/reload_kit.ts";

const [hostname = "", port = "", clients = ""] = Deno.args;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const asking = new Asking(Number(port), Number(clients), { hostname });
  await asking.next(Number(clients));
  print("asking");
  await Deno.stdin.read(new Uint8Array(64));
  await asking.stop();
  print(`asked ${asking.answers.length}, failed ${asking.failures.length} ${asking.failures.join("; ")}`);
  Deno.exit(0);
}
