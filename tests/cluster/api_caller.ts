/**
 * Clients of API servers, a process of its own because they have to be in the client's namespace:
 *
 *     api_caller.ts <file of the authority> ask <host:port> <mark> <count>    one connection after the other; a line with each answer
 *     api_caller.ts <file of the authority> hold <host:port> <mark>           "open", then "ended" when the connection does
 *
 * The path they ask for ends in the mark, by which it is found in the audit log of the server that got it.
 */

const PATIENCE_MS = 5000;
/** A name that every certificate of an API server has, whatever address it is reached at. */
const NAME = "kubernetes";

interface Question {
  readonly hostname: string;
  readonly port: number;
  readonly mark: string;
  readonly caCerts: string[];
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Asks on a connection of its own; gives that with the status of the answer. */
async function open({ hostname, port, mark, caCerts }: Question): Promise<{ conn: Deno.TlsConn; status: string }> {
  const tcp = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(PATIENCE_MS) });
  const conn = await Deno.startTls(tcp, { hostname: NAME, caCerts });
  await conn.write(new TextEncoder().encode(`GET /version?${mark} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`));
  const buffer = new Uint8Array(16_384);
  const got = await conn.read(buffer);
  const [, status = ""] = new TextDecoder().decode(buffer.subarray(0, got ?? 0)).split(" ");
  return { conn, status };
}

async function ask(question: Question): Promise<string> {
  try {
    const { conn, status } = await open(question);
    conn.close();
    return status;
  } catch (error) {
    return String(error);
  }
}

async function hold(question: Question): Promise<void> {
  const { conn } = await open(question);
  print("open");
  const buffer = new Uint8Array(16_384);
  try {
    while (await conn.read(buffer) !== null);
    print("ended");
  } catch (error) {
    print(`ended ${error}`);
  }
}

if (import.meta.main) {
  const [path = "", what, place, mark = "", count = "1"] = Deno.args;
  const { hostname, port } = new URL(`https://${place}`);
  const question = {
    hostname: hostname.replace(/[[\]]/g, ""),
    port: Number(port),
    mark,
    caCerts: [Deno.readTextFileSync(path)],
  };
  if (what === "hold") await hold(question);
  else for (let left = Number(count); left > 0; left--) print(await ask(question));
}
