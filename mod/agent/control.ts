/**
 * The agent's local control socket: `kube-vip status` and `kube-vip transfer` speak HTTP to it. A Unix socket of mode 0600, so that
 * only the user the agent runs as (and root) may ask.
 */

import { dirname } from "node:path";

/** Name of the socket inside the state directory. */
export const CONTROL_SOCKET = "control.sock";
/** A request body may name a member and nothing more. */
const BODY_LIMIT_BYTES = 4096;

/** What became of a wish to hand leadership over. */
export type TransferAnswer =
  | { readonly outcome: "transferred"; readonly to: string }
  | { readonly outcome: "refused"; readonly why: string };

export interface ControlHandlers {
  /** This node and what its peers say. */
  status(): Promise<unknown>;
  /** Hands over to a member, or to the best one if null. */
  transfer(to: string | null): Promise<TransferAnswer>;
}

/** Thrown when the socket cannot be opened. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

/** Serves one agent. Stopped by its owner. */
export class ControlServer {
  readonly #server: Deno.HttpServer;
  readonly #path: string;

  private constructor(server: Deno.HttpServer, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /**
   * Listens on `path`, in place of a socket that nobody serves any more. Throws {@link ControlError} if another agent serves it, or the
   * directory cannot be written.
   */
  static async start(path: string, handlers: ControlHandlers): Promise<ControlServer> {
    await removeStale(path);
    try {
      // A single node keeps no state, so nobody else has made the directory.
      await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const server = Deno.serve({ path, onListen: () => {} }, (request) => answer(request, handlers));
      await Deno.chmod(path, 0o600);
      return new ControlServer(server, path);
    } catch (cause) {
      throw new ControlError(`Cannot listen on the control socket ${path}`, { cause });
    }
  }

  /** Stops accepting, cuts requests in flight and removes the socket. */
  async stop(): Promise<void> {
    const ended = this.#server.shutdown();
    await ended;
    await Deno.remove(this.#path).catch(() => {});
  }
}

async function removeStale(path: string): Promise<void> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    await Deno.remove(path).catch(() => {});
    return;
  }
  throw new ControlError(`Another agent serves ${path}; give each agent a stateDir of its own`);
}

async function answer(request: Request, handlers: ControlHandlers): Promise<Response> {
  const { pathname } = new URL(request.url);
  try {
    if (request.method === "GET" && pathname === "/status") return Response.json(await handlers.status());
    if (request.method === "POST" && pathname === "/transfer") return await transfer(request, handlers);
    await request.body?.cancel();
    return Response.json({ error: `No such request: ${request.method} ${pathname}` }, { status: 404 });
  } catch (error) {
    return Response.json({ error: error instanceof Error ? error.message : String(error) }, { status: 500 });
  }
}

async function transfer(request: Request, handlers: ControlHandlers): Promise<Response> {
  const body = await request.arrayBuffer();
  if (body.byteLength > BODY_LIMIT_BYTES) return Response.json({ error: "The body is too long" }, { status: 413 });
  const to = memberIn(new TextDecoder().decode(body));
  if (to === undefined) {
    return Response.json({ error: 'The body must be empty or {"to": "<member>"}' }, { status: 400 });
  }
  const outcome = await handlers.transfer(to);
  return Response.json(outcome, { status: outcome.outcome === "transferred" ? 200 : 409 });
}

/** The member named in the body, null for none, undefined for nonsense. */
function memberIn(text: string): string | null | undefined {
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    if (!("to" in value) || value.to === null) return null;
    return typeof value.to === "string" ? value.to : undefined;
  } catch {
    return undefined;
  }
}
