/** Asks the agent on this machine through its control socket. */

import { CONTROL_SOCKET } from "../agent/control.ts";
import type { Clock } from "../base/clock.ts";
import { bodyChunks } from "../runtime/body_chunks.ts";
import { systemClock } from "../runtime/clock.ts";
import { DeadlineError, withDeadline } from "../runtime/deadline.ts";
import { reasonOf } from "./context.ts";

/** The agent waits for its peers before it answers; this is well above what it allows them. */
const DEADLINE_MS = 5000;
const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024;

export interface Question {
  readonly method: "GET" | "POST";
  /** Like `/status`. */
  readonly path: string;
  readonly body?: string;
}

export type Answer =
  /** The agent's JSON, with the status of HTTP. */
  | { readonly outcome: "answered"; readonly status: number; readonly value: unknown }
  /** Nobody answered; `why` is a sentence that says what to do. */
  | { readonly outcome: "failed"; readonly why: string };

/** The clock and the time an answer may take. */
export interface Patience {
  readonly clock: Clock;
  readonly limitMs: number;
}

const PATIENCE: Patience = { clock: systemClock, limitMs: DEADLINE_MS };

/** Asks the agent whose state is in `stateDir`. Never throws; ends within `limitMs`. */
export async function askAgent(stateDir: string, question: Question, patience = PATIENCE): Promise<Answer> {
  const socket = `${stateDir}/${CONTROL_SOCKET}`;
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  const abort = new AbortController();
  try {
    const work = ask(socket, question, { client, signal: abort.signal });
    return await withDeadline(work, { ...patience, what: "the agent's answer" });
  } catch (error) {
    abort.abort();
    if (error instanceof DeadlineError) {
      return { outcome: "failed", why: `The agent on ${socket} has not answered for ${error.limitMs} ms; it may hang` };
    }
    return { outcome: "failed", why: `The agent on ${socket} gave no answer that can be read: ${reasonOf(error)}` };
  } finally {
    client.close();
  }
}

async function ask(
  socket: string,
  question: Question,
  by: { readonly client: Deno.HttpClient; readonly signal: AbortSignal },
): Promise<Answer> {
  const obstacle = await findObstacle(socket);
  if (obstacle !== null) return { outcome: "failed", why: obstacle };
  const { method, path, body = null } = question;
  const response = await fetch(`http://kube-vip${path}`, { ...by, method, body });
  return { outcome: "answered", status: response.status, value: JSON.parse(await readLimited(response, by.signal)) };
}

/** Why the socket cannot be connected to, or null if it can: `fetch` does not tell the reasons apart. */
async function findObstacle(socket: string): Promise<string | null> {
  try {
    (await Deno.connect({ transport: "unix", path: socket })).close();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return `Permission denied on ${socket}; ask as the user the agent runs as, or as root`;
    }
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) {
      return `No agent answers on ${socket}; is kube-vip running on this machine, with this stateDir?`;
    }
    return `Cannot connect to ${socket}: ${reasonOf(error)}`;
  }
}

async function readLimited(response: Response, signal: AbortSignal): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of bodyChunks(response.body, [signal])) {
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) throw new Error(`the answer has more than ${LARGEST_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** What the agent said is wrong (`{"error": …}` or `{"why": …}`), or the status of HTTP. */
export function refusalOf(answer: Answer & { outcome: "answered" }): string {
  const { value, status } = answer;
  if (typeof value === "object" && value !== null) {
    if ("error" in value && typeof value.error === "string") return value.error;
    if ("why" in value && typeof value.why === "string") return value.why;
  }
  return `status ${status}`;
}
