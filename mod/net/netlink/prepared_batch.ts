/**
 * A batch of nftables as one datagram, encoded once: what changes from one commit to the next is written into it. A renewal twenty times
 * a second would otherwise spend most of its time on encoding.
 */
import { align4, attribute } from "./attribute.ts";
import { be32, concat } from "./bytes.ts";
import { encodeMessage, MessageFlag, type NetlinkRequest } from "./message.ts";
import { batchBegin, batchEnd } from "./nftables.ts";

/** struct nlmsghdr, where the sequence stands in it, and struct nfgenmsg. */
const MESSAGE_HEADER = 16;
const SEQUENCE = 8;
/** NFNL_BATCH_GENID (include/uapi/linux/netfilter/nfnetlink.h), and where its value stands: after nlmsghdr, nfgenmsg and nlattr. */
const GENERATION_ID = 1;
const GENERATION = 24;
const begin: NetlinkRequest = {
  ...batchBegin,
  payload: concat([batchBegin.payload, attribute(GENERATION_ID, be32(0))]),
};

/** Messages between the begin and the end of a batch, ready to be sent. */
export class PreparedBatch {
  /** Begin and end included, in the order of {@link number}. */
  readonly messages: readonly NetlinkRequest[];
  /** The whole datagram. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #starts: readonly number[];

  constructor(messages: readonly NetlinkRequest[]) {
    this.messages = [begin, ...messages, batchEnd];
    this.bytes = concat(this.messages.map((message, index) => {
      // One acknowledgement, from the last message, tells success from silence; refusals are answered unasked.
      const flags = message.flags | MessageFlag.REQUEST | (index === messages.length ? MessageFlag.ACK : 0);
      return encodeMessage({ ...message, flags, sequence: 0, portId: 0 });
    }));
    this.#view = new DataView(this.bytes.buffer);
    let at = 0;
    this.#starts = this.messages.map(({ payload }) => {
      const start = at;
      at += align4(MESSAGE_HEADER + payload.length);
      return start;
    });
  }

  /** The payload of the message with this index among those given to the constructor: a view, for writing. */
  payload(index: number): Uint8Array<ArrayBuffer> {
    const start = (this.#starts[index + 1] ?? 0) + MESSAGE_HEADER;
    return this.bytes.subarray(start, start + (this.messages[index + 1]?.payload.length ?? 0));
  }

  /**
   * Numbers the messages and says on which ruleset generation the batch is to be applied: on any other the kernel refuses it with
   * ERESTART. 0: on any. Gives the numbers.
   */
  number(nextSequence: () => number, generation: number): number[] {
    this.#view.setUint32(GENERATION, generation);
    return this.#starts.map((start) => {
      const sequence = nextSequence();
      this.#view.setUint32(start + SEQUENCE, sequence, true);
      return sequence;
    });
  }
}
