/** What a virtual IP address looks like in the kernel, and how it is told from anybody else's. Pure. */
import type { HeldAddress } from "./kernel.ts";

/** IFA_PROTO of our addresses (kernel 5.18 and later show it as `proto 0x76`); values 1 to 3 are the kernel's own. */
export const ADDRESS_PROTOCOL = 0x76;

/** Address lifetimes end up to 130 ms late and have whole seconds: this much more than the permission never cuts a live hold short. */
const BEYOND_PERMISSION_SECONDS = 2;

/**
 * Valid lifetime for an address whose grant ends in `remainingMs`.
 *
 * With a guard the permission ends the hold and the lifetime only clears what a dead process leaves behind: whole seconds, rounded up,
 * and two more. Without one the lifetime alone ends the hold, and the elector's hand-over time grows by {@link UNFENCED_GRACE_MS}.
 */
export function lifetimeSeconds(remainingMs: number, guarded: boolean): number {
  const seconds = Math.max(1, Math.ceil(remainingMs / 1000));
  return guarded ? seconds + BEYOND_PERMISSION_SECONDS : seconds;
}

/**
 * How much longer than its grant a machine without a guard may answer: a lifetime that is renewed just before the end of the grant rounds
 * up by a whole second, and ends up to 250 ms late.
 */
export const UNFENCED_GRACE_MS = 1250;

/**
 * Whether an address that equals one of ours was put there by this program. Kernels before 5.18 do not keep the mark (protocol 0);
 * there a finite lifetime without a preferred one tells: an administrator's address has no end, and one that was leased (DHCP) is meant
 * to be used as a source.
 */
export function isOurs(address: HeldAddress): boolean {
  const { protocol, validSeconds, preferredSeconds = 0 } = address;
  return protocol === ADDRESS_PROTOCOL || (protocol === 0 && Number.isFinite(validSeconds) && preferredSeconds === 0);
}
