import { Errno, SysError } from "../../mod/linux/errno.ts";
import { decodeElements } from "../../mod/net/netlink/nft_dump.ts";
import type { ElementRecord, RuleRecord, TableRecord } from "../../mod/net/netlink/nft_dump.ts";
import type { NetlinkRequest } from "../../mod/net/netlink/message.ts";
import { NftMessage } from "../../mod/net/netlink/nft_numbers.ts";
import type { Chain, NftSet, SetName } from "../../mod/net/netlink/nftables.ts";
import type { PreparedBatch } from "../../mod/net/netlink/prepared_batch.ts";
import { parseIp } from "../../mod/net/ip.ts";
import type { NftTables } from "../../mod/vip/nft_permission.ts";
import type { VirtualClock } from "./clock.ts";

/** What becomes of a commit: how long it takes, and whether somebody else's came before it. */
export interface CommitStep {
  readonly tookMs: number;
  readonly overtaken?: true;
}

/** nftables whose commits take time on the test's clock; elements count their time-outs from the end of it, as the kernel does. */
export class SlowTables implements NftTables {
  /** For the next commits, in order; then they take no time. */
  steps: CommitStep[] = [];
  /** What every call is answered with, for a kernel that lacks nftables or refuses. */
  refusal: SysError | null = null;
  readonly #clock: VirtualClock;
  readonly #ends = new Map<string, number>();
  /** What the sets without time-outs hold, by table and name. */
  readonly #members = new Map<string, ElementRecord[]>();
  #generation = 1;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** When the address stops answering; -Infinity if it has no element. */
  endsMs(ip: string): number {
    return this.#ends.get(parseIp(ip)?.bytes.join(".") ?? "") ?? -Infinity;
  }

  commit(messages: readonly NetlinkRequest[], generation = 0): void {
    this.#apply(messages, generation);
  }

  commitPrepared(batch: PreparedBatch, generation = 0): void {
    const inner = batch.messages.slice(1, -1);
    this.#apply(inner.map((message, index) => ({ ...message, payload: batch.payload(index) })), generation);
  }

  generation(): number {
    return this.#generation;
  }

  tables(): TableRecord[] {
    return [];
  }

  chains(): Chain[] {
    return [];
  }

  rules(): RuleRecord[] {
    return [];
  }

  sets(): NftSet[] {
    return [];
  }

  elements({ family, table, set }: SetName): ElementRecord[] {
    return this.#members.get(`${family} ${table} ${set}`) ?? [];
  }

  #apply(messages: readonly NetlinkRequest[], generation: number): void {
    if (this.refusal !== null) throw this.refusal;
    const step = this.steps.shift();
    this.#clock.advance(step?.tookMs ?? 0);
    if (step?.overtaken === true) this.#generation++;
    if (generation !== 0 && generation !== this.#generation) throw new SysError("commit", Errno.ERESTART);
    for (const message of messages) this.#element(message);
    this.#generation++;
  }

  #element({ type, payload, subject }: NetlinkRequest): void {
    if (type === NftMessage.DELTABLE) {
      this.#ends.clear();
      this.#members.clear();
    }
    if (type !== NftMessage.NEWSETELEM && type !== NftMessage.DELSETELEM) return;
    for (const record of decodeElements({ type, flags: 0, sequence: 0, portId: 0, payload })) {
      const { key, timeoutMs } = record;
      const name = [...key].join(".");
      if (!/ live[46]$/.test(subject)) {
        const others = (this.#members.get(subject) ?? []).filter((other) => [...other.key].join(".") !== name);
        this.#members.set(subject, type === NftMessage.DELSETELEM ? others : [...others, record]);
        continue;
      }
      if (type === NftMessage.DELSETELEM) this.#ends.delete(name);
      else this.#ends.set(name, this.#clock.now() + (timeoutMs ?? Infinity));
    }
  }
}
