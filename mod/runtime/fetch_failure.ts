/** What `fetch` says when there is no answer. Deno 2.7 puts the reason into the error's message, 2.9 into the error's cause. */

function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

/**
 * The reason inside an error of `fetch`, which wraps it in the URL and its own layers:
 * `error sending request for url (https://…): client error (Connect): tcp connect error: Connection refused (os error 111)`.
 * What is left has no URL, which may carry a secret.
 */
export function fetchFailure(error: unknown): string {
  const inner = innermost(error);
  const message = inner instanceof Error ? inner.message : String(inner);
  const reason = message.replace(/^error sending request .*?client error \(\w+\)(?:: )?/s, "") || message;
  return reason.replace(/\S*:\/\/\S+/g, "…");
}

/** Whether a request failed because one side did not accept the other's certificate, or had none: new credentials may help. */
export function isTlsFailure(error: unknown): boolean {
  const inner = innermost(error);
  return inner instanceof Error && /certificate|\btls\b|fatal alert|handshake/i.test(inner.message);
}
