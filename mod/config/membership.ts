/** What `start` and `manager` ask alike of the members of an election. */

import type { Findings } from "./findings.ts";
import { checkMembers, type GivenPeer, warnEven } from "./peers.ts";
import type { Given } from "./section.ts";
import { SHORTEST_SECRET } from "./settings.ts";

/**
 * The remote members without the local one (null: unknown). Notes contradictions and warns of numbers that do not help;
 * `advice` is for a member without others.
 */
export function othersOf(
  local: GivenPeer | null,
  remotes: Given<readonly GivenPeer[]>,
  { findings, advice }: { readonly findings: Findings; readonly advice: string },
): readonly GivenPeer[] {
  if (local === null) return remotes.value;
  const others = checkMembers(local, remotes.value);
  if (remotes.origin === "default") {
    remotes.place.warning(`is missing: this member is alone; ${advice}`);
  } else if (remotes.origin !== "invalid") {
    warnEven(others.length + 1, findings, remotes.place.key);
  }
  return others;
}

interface SecretOptions {
  /** Reads a file; throws if that fails. */
  readonly readText: (path: string) => string;
  /** Nobody to share a secret with. */
  readonly alone: boolean;
}

/** The peer secret, given itself or by a file; null with a warning if there is none. */
export function resolveSecret(
  given: Given<string>,
  file: Given<string>,
  { readText, alone }: SecretOptions,
): string | null {
  if (given.value !== "" && file.value !== "") {
    file.place.problem("is given together with peerSecret; give one of them", file.value);
  }
  if (given.value !== "") return given.value;
  if (file.value !== "") return readSecretFile(file, readText);
  if (!alone && given.origin === "default" && file.origin === "default") {
    given.place.warning(
      "is missing: anybody on the network can take part in the election; kube-vip sample config prints a fresh one",
    );
  }
  return null;
}

function readSecretFile(file: Given<string>, readText: (path: string) => string): string | null {
  try {
    const secret = readText(file.value).trim();
    if (secret.length >= SHORTEST_SECRET) return secret;
    const message = `holds ${secret.length} characters; must hold at least ${SHORTEST_SECRET}`;
    file.place.problem(message, file.value);
  } catch (error) {
    file.place.problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, file.value);
  }
  return null;
}
