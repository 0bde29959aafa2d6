import { getLog } from "../observe/log.ts";
import type { Attempts } from "./attempts.ts";
import { type LiveUntil, type Permission, PermissionUnavailable } from "./kernel.ts";

const log = getLog("vip");

/** What complaints about the guard are about. */
export const FENCE_SUBJECT = "permission";

/** What the guard is made for: a managed address and the link it belongs to. */
type Guarded = Parameters<Permission["install"]>[0][number];

/** What ends a hold on time: the guard where the kernel can keep one, else nothing here (the lifetime of the address does). */
export class Fence {
  readonly #permission: Permission;
  readonly #attempts: Attempts;
  #state: "none" | "guard" | "lifetime" = "none";
  /** The kernel refused a change: addresses that were added are not guarded yet. */
  #isBehind = false;

  constructor(permission: Permission, attempts: Attempts) {
    this.#permission = permission;
    this.#attempts = attempts;
  }

  /** Installs the guard. Throws what kept it from being installed although the kernel has nftables. */
  start(vips: readonly Guarded[]): "guard" | "lifetime" {
    try {
      this.#permission.install(vips);
      this.#state = "guard";
      return "guard";
    } catch (error) {
      if (!(error instanceof PermissionUnavailable)) throw error;
      log.warning("no nftables here: only the lifetime of the address ends a hold, so hand-over takes longer", {
        cause: error.message,
      });
      this.#state = "lifetime";
      return "lifetime";
    }
  }

  get isGuard(): boolean {
    return this.#state === "guard";
  }

  /** Whether an address that was added lately may still lack its guard: then it must not be put on a link. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Guards just these addresses; the live ones go on answering. */
  place(vips: readonly Guarded[], live: readonly LiveUntil[]): void {
    if (!this.isGuard) return;
    this.#isBehind = true;
    this.#mended(() => this.#permission.manage(vips, live));
  }

  /** Lets each address answer until its deadline, and not an instant longer. */
  allow(live: readonly LiveUntil[]): void {
    if (this.isGuard) this.#mended(() => this.#permission.allow(live));
  }

  /** Looks whether the guard is whole, and mends it. */
  verify(live: readonly LiveUntil[]): void {
    if (this.isGuard) this.#mended(() => this.#permission.verify(live));
  }

  /** The addresses stop answering. */
  deny(ips: readonly string[]): void {
    if (this.isGuard) this.#attempts.run(FENCE_SUBJECT, () => this.#permission.deny(ips));
  }

  /** Removes the guard. Throws what the kernel says. */
  remove(): void {
    if (this.isGuard) this.#permission.uninstall();
  }

  #mended(call: () => string): void {
    this.#attempts.run(FENCE_SUBJECT, () => {
      if (call() === "rebuilt" && !this.#isBehind) log.warning("the guard had been removed by somebody, rebuilt");
      this.#isBehind = false;
    });
  }
}
