/**
 * Forwarding between networks, which a kernel balancer with backends on other machines needs: their packets come in for this machine and
 * leave it again. What was changed is given back at the end.
 */
import type { SysctlKey } from "../../linux/sysctl.ts";
import { ForwardingKey, type SysctlKeeper, sysctlName, type SysctlOutcome } from "../../linux/sysctl_keeper.ts";
import { getLog, type Log } from "../../observe/log.ts";

/** The kernel's settings. */
export interface Sysctls {
  readonly read: (key: SysctlKey) => string | null;
  readonly keeper: Pick<SysctlKeeper, "ensureForwarding" | "restore">;
}

const SWITCH = { 4: ForwardingKey.ipv4, 6: ForwardingKey.ipv6 } as const;

/** Owned by the kernel engine. */
export class Forwarding {
  readonly #sysctls: Sysctls;
  readonly #linkNames: () => readonly string[];
  readonly #log: Log = getLog("balance");

  /** @param linkNames names of the links of this machine */
  constructor(sysctls: Sysctls, linkNames: () => readonly string[]) {
    this.#sysctls = sysctls;
    this.#linkNames = linkNames;
  }

  /** Whether this machine forwards packets of the family. */
  isOn(family: 4 | 6): boolean {
    return this.#sysctls.read(SWITCH[family]) === "1";
  }

  /** Turns it on if it is off, and says so in the log; gives why that cannot be done, or null. */
  turnOn(family: 4 | 6): string | null {
    if (this.isOn(family)) return null;
    for (const outcome of this.#sysctls.keeper.ensureForwarding(family, this.#linkNames())) this.#tell(outcome);
    return this.isOn(family)
      ? null
      : `${sysctlName(SWITCH[family])} is off and may not be turned on here; the backends are on other machines`;
  }

  /** Gives back what was changed, and says so. Idempotent. */
  restore(): void {
    this.keepOnly([]);
  }

  /** The same for what these families do not need. */
  keepOnly(families: readonly (4 | 6)[]): void {
    const isDue = ([network]: SysctlKey): boolean => !families.some((family) => network === `ipv${family}`);
    for (const { key, before, after } of this.#sysctls.keeper.restore(isDue)) {
      this.#log.info("Kernel setting given back", { setting: sysctlName(key), before, after });
    }
  }

  #tell(outcome: SysctlOutcome): void {
    if (outcome.outcome !== "changed") return;
    const { key, before, after } = outcome.change;
    this.#log.warning("Kernel setting changed for the load balancers of engine kernel", {
      setting: sysctlName(key),
      before,
      after,
    });
  }
}
