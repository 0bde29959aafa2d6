/**
 * Clients of API servers, a process of its own because they have to be in the client's namespace:
 *
 *     api_caller.ts <file of the authority> ask <host:port> <mark> <count>    one connection after the other; a line with each answer
 *     api_caller.ts <file of the authority> hold <host:port> <mark>           "open", then "ended" when the connection does
 *
 * The path they ask for ends in the mark, by which it is found in the audit log of the server that got it.
 */

const PATIENCE_MS = 5000;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function ask(authority: string, url: string): Promise<string> {
  const client = Deno.createHttpClient({ caCerts: [authority], http2: false });
  try {
    const response = await fetch(url, { client, signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return String(error);
  } finally {
    client.close();
  }
}

async function hold(authority: string, url: URL): Promise<void> {
  const hostname = url.hostname.replace(/[[\]]/g, "");
  const conn = await Deno.connectTls({ hostname, port: Number(url.port), caCerts: [authority] });
  await conn.write(new TextEncoder().encode(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: lab\r\n\r\n`));
  const buffer = new Uint8Array(16_384);
  await conn.read(buffer);
  print("open");
  try {
    while (await conn.read(buffer) !== null);
    print("ended");
  } catch (error) {
    print(`ended ${error}`);
  }
}

if (import.meta.main) {
  const [path = "", what, place, mark, count = "1"] = Deno.args;
  const authority = Deno.readTextFileSync(path);
  const url = new URL(`https://${place}/version?${mark}`);
  if (what === "hold") await hold(authority, url);
  else for (let left = Number(count); left > 0; left--) print(await ask(authority, url.href));
}
