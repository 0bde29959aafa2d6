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
