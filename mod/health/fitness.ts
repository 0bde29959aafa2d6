/** Whether this node should hold, as elections ask it. */

/** What is known about this node. */
export type Health =
  /** Not known yet: at start. */
  | { readonly is: "unknown" }
  | { readonly is: "healthy" }
  /** The threshold of failures was reached. `why` is a sentence part: "the API server does not answer (connection refused)". */
  | { readonly is: "unhealthy"; readonly why: string };

/** One source of {@link Health}, which checks by itself until it is closed. */
export interface HealthSource {
  start(): void;
  health(): Health;
  /** Called after every change of {@link health}. */
  onChange: (health: Health) => void;
  close(): void;
}
