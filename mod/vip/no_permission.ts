import { type Permission, PermissionUnavailable } from "./kernel.ts";

/** Stands in where the kernel has no netfilter at all: installing says why, and the holder goes by the lifetime of the address. */
export class NoPermission implements Permission {
  readonly #why: Error;

  constructor(why: Error) {
    this.#why = why;
  }

  /** Throws {@link PermissionUnavailable} with what kept the kernel's netfilter from being reached. */
  install(): never {
    throw new PermissionUnavailable(this.#why);
  }

  manage(): "changed" {
    return "changed";
  }

  allow(): "refreshed" {
    return "refreshed";
  }

  deny(): void {}

  verify(): "whole" {
    return "whole";
  }

  uninstall(): void {}
}
