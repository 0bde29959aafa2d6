/** A TCP-MD5 password in a file of its own. */

import type { Given } from "../section.ts";
import { fitsMd5, LONGEST_PASSWORD_BYTES } from "./kinds.ts";

export type PasswordResult =
  | { readonly outcome: "read"; readonly password: string }
  /** `what` follows the path. */
  | { readonly outcome: "unusable"; readonly what: string };

/** Reads it; the newline that editors put at the end is no part of it. `readText` throws if that fails. */
export function readPassword(path: string, readText: (path: string) => string): PasswordResult {
  let password: string;
  try {
    password = readText(path).replace(/\r?\n$/, "");
  } catch (error) {
    return unusable(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (password === "") return unusable("is empty; must hold a password");
  if (/\p{Cc}/u.test(password)) {
    return unusable("holds more than one line, or control characters; must hold a password");
  }
  if (fitsMd5(password)) return { outcome: "read", password };
  return unusable(`holds more than ${LONGEST_PASSWORD_BYTES} bytes, which is all that TCP-MD5 takes`);
}

function unusable(what: string): PasswordResult {
  return { outcome: "unusable", what };
}

/** The password for all peers; null if no file is named, or after noting what is wrong with it. */
export function commonPassword(file: Given<string>, readText: (path: string) => string): string | null {
  if (file.value === "") return null;
  const result = readPassword(file.value, readText);
  if (result.outcome === "read") return result.password;
  file.place.problem(result.what, file.value);
  return null;
}
