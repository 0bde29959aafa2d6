/**
 * The kernel as the holder sees it. Two implementations: the real one over netlink and packet sockets, and one in memory for tests;
 * one contract suite. All calls are synchronous and complete on return (netlink answers a request inside `sendmsg`).
 */

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Hardware address; empty for links that have none. */
  readonly mac: Uint8Array;
  readonly up: boolean;
  /** Carrier present (IFF_LOWER_UP / operstate up or unknown). */
  readonly running: boolean;
  readonly loopback: boolean;
}

/** An address on an interface. */
export interface HeldAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkIndex: number;
  /** IFA_PROTO, 0 where the kernel does not know it (before 5.18). */
  readonly protocol: number;
  /** Seconds, Infinity when it never expires. */
  readonly validSeconds: number;
  /** Seconds in which it may be chosen as a source address; absent where that is not told. */
  readonly preferredSeconds?: number;
}

/** Where an address is valid: `host` is not given to other machines as one of ours, as is usual on `lo`. */
export type AddressScope = "global" | "host";

/** Addresses of this machine. */
export interface AddressBook {
  links(): Link[];
  addresses(): HeldAddress[];
  /**
   * Adds or refreshes (NLM_F_REPLACE) with preferred lifetime 0, IFA_F_NODAD for IPv6, IFA_PROTO = our mark.
   * @param scope for IPv4; the kernel decides it by itself for IPv6. @default {"global"}
   */
  put(ip: string, prefixLength: number, linkIndex: number, validSeconds: number, scope?: AddressScope): void;
  /** Removes; an address that is not there is not an error. */
  remove(ip: string, prefixLength: number, linkIndex: number): "removed" | "absent";
}

/** An address that may answer until then. */
export interface LiveUntil {
  readonly ip: string;
  /** On the monotonic clock. */
  readonly validUntilMs: number;
}

/** This kernel cannot keep permissions at all: it has no nftables, or not all that the guard is made of. */
export class PermissionUnavailable extends Error {
  override readonly name = "PermissionUnavailable";

  /** @param cause what the kernel answered */
  constructor(cause: Error) {
    super(`this kernel has no nftables, or not enough of it: ${cause.message}`, { cause });
  }
}

/** Permission to answer, per address, with a timeout the kernel enforces. */
export interface Permission {
  /**
   * Installs the guard for exactly these addresses, none of them live, replacing whatever an earlier run left.
   * Throws {@link PermissionUnavailable} if this kernel can never do it, anything else if it did not work now; leaves no part of it then.
   */
  install(vips: readonly { ip: string; linkName: string }[]): void;
  /**
   * Guards exactly these addresses from now on, in one step: an address that stays keeps its permission without a break, one that comes
   * is silent, one that goes is guarded no longer (so it has to be off the machine). If the guard is not whole it is rebuilt, with the
   * live addresses given. What could not be done is made good by the next {@link allow} or {@link verify}.
   */
  manage(vips: readonly { ip: string; linkName: string }[], live: readonly LiveUntil[]): "changed" | "rebuilt";
  /**
   * Lets each address answer until its deadline on the monotonic clock, and no longer; rebuilds the guard in the same transaction if
   * somebody removed it. Throws, with all of these addresses denied, when the kernel is too slow to keep to the deadlines.
   */
  allow(live: readonly LiveUntil[]): "refreshed" | "rebuilt";
  /** The address stops answering before this returns. */
  deny(ips: readonly string[]): void;
  /** Looks whether the guard is still whole; mends it if not, with the live addresses given. */
  verify(live: readonly LiveUntil[]): "whole" | "rebuilt";
  /** Removes the guard. */
  uninstall(): void;
}

/** What the kernel tells without being asked. */
export type KernelEvent =
  | { readonly type: "address-removed"; readonly ip: string; readonly linkIndex: number }
  | { readonly type: "address-added"; readonly ip: string; readonly linkIndex: number }
  | { readonly type: "link-changed"; readonly link: Link }
  | { readonly type: "link-removed"; readonly linkIndex: number; readonly name: string }
  /** Events were lost (ENOBUFS): look at everything. */
  | { readonly type: "resync" };

/** Announces addresses on their links and reports who else claims them. Two implementations: packet sockets, and memory for tests. */
export interface Announcer {
  /** Called for every frame by which another station claims a managed address. Set before {@link attach}. */
  onSighting: (sighting: { readonly ip: string; readonly mac: string }) => void;
  /** These are the addresses from now on; a link that none of them belongs to is let go. */
  place(vips: readonly { readonly ip: string; readonly linkName: string }[]): void;
  /** Works on this link from now on, also when it replaces another of the same name. Nothing is announced on loopback links. */
  attach(link: Link): void;
  /** Tells all neighbours that the address is here: gratuitous ARP in both forms, or unsolicited neighbour advertisements. */
  announce(ip: string): "sent" | "refused";
  /** Asks whether anybody has the address, without claiming it (RFC 5227 §2.1.1, RFC 4862 §5.4.2). */
  probe(ip: string): "sent" | "refused";
  close(): void;
}
