/** nftables over netlink: atomic batches in, dumps out. */
import type { TableName } from "../net/netlink/nftables.ts";
import { batchBegin, type Chain, type NftSet, type SetName } from "../net/netlink/nftables.ts";
import {
  type Acknowledgement,
  decodeAcknowledgement,
  MessageType,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../net/netlink/message.ts";
import {
  decodeChain,
  decodeElements,
  decodeGeneration,
  decodeRule,
  decodeSet,
  decodeTable,
  dumpChains,
  dumpElements,
  dumpRules,
  dumpSets,
  dumpTables,
  type ElementRecord,
  getGeneration,
  type RuleRecord,
  type TableRecord,
} from "../net/netlink/nft_dump.ts";
import { type CounterRecord, decodeCounter, dumpCounters } from "../net/netlink/nft_counter.ts";
import { PreparedBatch } from "../net/netlink/prepared_batch.ts";
import { NftMessage } from "../net/netlink/nft_numbers.ts";
import { Errno, SysError } from "./errno.ts";
import { NetlinkFamily, NetlinkSocket } from "./netlink_socket.ts";
import { setQueueSize } from "./socket.ts";

/** A batch travels in one datagram: room for some ten thousand elements, or a fifth of that without privilege. */
const BATCH_BYTES = 1024 * 1024;
/** Each refused message is answered; the queue holds far more than this. */
const MAX_MESSAGES = 2000;

/** A socket of nf_tables in the network namespace that was current when it was made. All calls throw SysError. */
export class NftSocket {
  readonly #socket: NetlinkSocket;

  /** Opens the socket; whether the kernel has nf_tables only the first call shows. */
  constructor() {
    this.#socket = new NetlinkSocket(NetlinkFamily.NETFILTER);
    try {
      setQueueSize(this.#socket.fd, "send", BATCH_BYTES);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /**
   * Does all of it, or nothing: no packet sees a part. Throws SysError with `op` and `subject` of the first message that was refused,
   * e.g. ENOENT for the deletion of something that is not there. `generation` as for {@link commitPrepared}.
   */
  commit(messages: readonly NetlinkRequest[], generation = 0): void {
    if (messages.length === 0) return;
    if (messages.length > MAX_MESSAGES) {
      throw new SysError("commit nftables batch", Errno.EMSGSIZE, { subject: `of ${messages.length} messages` });
    }
    this.commitPrepared(new PreparedBatch(messages), generation);
  }

  /**
   * The same with a batch that was encoded before. Unless `generation` is 0 or the current one, somebody has committed something since,
   * and this throws ERESTART.
   */
  commitPrepared(batch: PreparedBatch, generation = 0): void {
    const sequences = batch.number(() => this.#socket.nextSequence(), generation);
    this.#socket.send(batch.bytes, { op: "commit nftables batch", subject: "" });
    this.#judge(batch.messages, sequences);
  }

  /** The number of the ruleset's generation; another number later means that somebody, maybe we, has committed something. */
  generation(): number {
    const answer = this.#socket.request(getGeneration()).find((message) => message.type === NftMessage.NEWGEN);
    if (answer === undefined) throw new SysError("read nftables", Errno.ENOENT, { subject: "generation" });
    return decodeGeneration(answer);
  }

  /** Every table of every family. */
  tables(): TableRecord[] {
    return this.#list(dumpTables(), NftMessage.NEWTABLE, decodeTable);
  }

  /** The chains of a table; empty if there is no such table. */
  chains(table: TableName): Chain[] {
    return this.#list(dumpChains(table.family), NftMessage.NEWCHAIN, decodeChain)
      .filter((chain) => chain.table === table.table);
  }

  /** The rules of a table, chain by chain, in their order; empty if there is no such table. */
  rules(table: TableName): RuleRecord[] {
    return orEmpty(() => this.#list(dumpRules(table), NftMessage.NEWRULE, decodeRule));
  }

  /** The sets of a table; empty if there is no such table. */
  sets(table: TableName): NftSet[] {
    return orEmpty(() => this.#list(dumpSets(table), NftMessage.NEWSET, decodeSet));
  }

  /** The live elements of a set; throws SysError ENOENT if there is no such set. */
  elements(set: SetName): ElementRecord[] {
    return this.#socket.request(dumpElements(set))
      .flatMap((message) => message.type === NftMessage.NEWSETELEM ? decodeElements(message) : []);
  }

  /** The named counters of a table; empty if there is no such table. */
  counters(table: TableName): CounterRecord[] {
    return this.#list(dumpCounters(table), NftMessage.NEWOBJ, decodeCounter);
  }

  /** Closes the socket; what was committed stays. Calling it twice does nothing. */
  close(): void {
    this.#socket.close();
  }

  /** Reads the answers to the batch, all of them if any is a refusal, and throws for the first message refused. */
  #judge(batch: readonly NetlinkRequest[], sequences: readonly number[]): void {
    const answers: Acknowledgement[] = [];
    for (;;) {
      const received = this.#socket.receive();
      if (received === "overrun") throw new SysError("commit nftables batch", Errno.ENOBUFS);
      if (received !== "empty") {
        for (const message of received) answers.push(...answerOf(message, sequences));
        // Only a batch that was taken is acknowledged, by this one message.
        if (answers.length === 1 && answers[0]?.errno === 0) return;
      } else if (answers.length === 0) {
        this.#socket.awaitAnswer({ op: "commit nftables batch", subject: "" });
      } else break;
    }
    const refused = answers.filter((answer) => answer.errno !== 0)
      .sort((a, b) => sequences.indexOf(a.sequence) - sequences.indexOf(b.sequence));
    // The frame of the batch is only blamed when no message can be (the commit itself failed).
    const blamed = refused.find((answer) => answer.sequence !== sequences[0]) ?? refused[0];
    if (blamed === undefined) return;
    const message = batch[sequences.indexOf(blamed.sequence)] ?? batchBegin;
    throw new SysError(message.op, blamed.errno, { subject: message.subject, reason: blamed.reason });
  }

  #list<T>(request: NetlinkRequest, type: number, decode: (message: NetlinkMessage) => T | null): T[] {
    return this.#socket.request(request)
      .map((message) => message.type === type ? decode(message) : null)
      .filter((record) => record !== null);
  }
}

function answerOf(message: NetlinkMessage, sequences: readonly number[]): Acknowledgement[] {
  if (message.type !== MessageType.ERROR || !sequences.includes(message.sequence)) return [];
  return [{ ...decodeAcknowledgement(message), sequence: message.sequence }];
}

function orEmpty<T>(list: () => T[]): T[] {
  try {
    return list();
  } catch (error) {
    if (error instanceof SysError && error.errno === Errno.ENOENT) return [];
    throw error;
  }
}
