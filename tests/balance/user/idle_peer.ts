/**
 * A backend that says a byte and holds what it has, and its clients, in a process of their own. Prints its port; a line `<port> <count>` of
 * its input opens so many connections there, and "open" is printed when each has heard its byte.
 */
const print = (line: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const held: Deno.TcpConn[] = [];

async function hold(): Promise<void> {
  for await (const conn of listener) {
    held.push(conn);
    await conn.write(Uint8Array.of(46));
  }
}

hold().catch(() => {});
print(`${listener.addr.port}`);
for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const [port = NaN, count = NaN] = line.split(" ").map(Number);
  for (let n = 0; n < count; n++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    held.push(client);
    await client.read(new Uint8Array(1));
  }
  print("open");
}
Deno.exit(0);
