/** Asks the agent on this machine through its control socket. */

import { CONTROL_SOCKET } from "../agent/control.ts";
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

/** Asks the agent whose state is in `stateDir`. Never throws; takes at most five seconds. */
export async function askAgent(stateDir: string, question: Question): Promise<Answer> {
  const socket = `${stateDir}/${CONTROL_SOCKET}`;
  const obstacle = await findObstacle(socket);
  if (obstacle !== null) return { outcome: "failed", why: obstacle };
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch(`http://kube-vip${question.path}`, {
      client,
      method: question.method,
      body: question.body ?? null,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    return { outcome: "answered", status: response.status, value: JSON.parse(await readLimited(response)) };
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return {
        outcome: "failed",
        why: `The agent on ${socket} has not answered for ${DEADLINE_MS / 1000} s; it may hang`,
      };
    }
    return { outcome: "failed", why: `The agent on ${socket} gave no answer that can be read: ${reasonOf(error)}` };
  } finally {
    client.close();
  }
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

async function readLimited(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
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
