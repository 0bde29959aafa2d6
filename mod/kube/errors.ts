/** Errors of this room: what was tried, with what, and why it failed; never a secret. */

/** Thrown when the configuration of the API client cannot be used. */
export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";

  /**
   * @param operation e.g. `read kubeconfig`
   * @param subject a path or a setting, never its content
   */
  constructor(readonly operation: string, readonly subject: string, why: string) {
    super(`Cannot ${operation} "${subject}": ${why}`);
  }
}

/**
 * The reason inside an error of `fetch`, which wraps it in the URL and its own layers:
 * `error sending request for url (https://…): client error (Connect): tcp connect error: Connection refused (os error 111)`.
 */
export function causeOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^error sending request .*?client error \(\w+\)(?:: )?/s, "") || message;
}

/** Whether a request failed because one side did not accept the other's certificate, or had none: new credentials may help. */
export function isTlsFailure(error: unknown): boolean {
  return error instanceof Error && /certificate|\btls\b|fatal alert|handshake/i.test(error.message);
}
