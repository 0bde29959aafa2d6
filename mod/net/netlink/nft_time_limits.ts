/**
 * Time-outs of tracked connections as objects of a table (`ct timeout` in the words of nft): a rule gives them to a connection with its first
 * packet, in place of the machine's own (net.netfilter.nf_conntrack_*_timeout). NFTA_CT_TIMEOUT_* of nf_tables.h, CTA_TIMEOUT_* of
 * nfnetlink_cttimeout.h.
 */
import { attribute, nested } from "./attribute.ts";
import { be16, be32, text, u8 } from "./bytes.ts";
import { MessageFlag, type NetlinkRequest } from "./message.ts";
import { NftFamilyNumber, NftMessage, ObjectAttribute, TIME_LIMITS_OBJECT } from "./nft_numbers.ts";
import { nftRequest, type TableName } from "./nftables.ts";

const NFTA_CT_TIMEOUT_L3PROTO = 1;
const NFTA_CT_TIMEOUT_L4PROTO = 2;
const NFTA_CT_TIMEOUT_DATA = 3;

/** States of a connection by the number of their time-out (CTA_TIMEOUT_TCP_*, CTA_TIMEOUT_UDP_*). */
const STATES = {
  tcp: {
    synSent: 1,
    synReceived: 2,
    established: 3,
    finWait: 4,
    closeWait: 5,
    lastAck: 6,
    timeWait: 7,
    close: 8,
    synSentTwice: 9,
    retransmitted: 10,
    unacknowledged: 11,
  },
  udp: { unanswered: 1, answered: 2 },
} as const;
const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;

/** Seconds by state; a state without them keeps the machine's own. */
export type TimeLimits =
  | { readonly protocol: "tcp"; readonly seconds: { readonly [state in keyof typeof STATES.tcp]?: number } }
  | { readonly protocol: "udp"; readonly seconds: { readonly [state in keyof typeof STATES.udp]?: number } };

/** Adds the object unless it is there. It is for connections of one family of addresses and one protocol. */
export function addTimeLimits(
  name: TableName & { readonly limits: string },
  version: 4 | 6,
  { protocol, seconds }: TimeLimits,
): NetlinkRequest {
  const numbers: Readonly<Record<string, number>> = STATES[protocol];
  const given = Object.entries(seconds).map(([state, value]) => ({ number: numbers[state] ?? 0, value }));
  given.sort((one, other) => one.number - other.number);
  return nftRequest("add ct timeout", NftMessage.NEWOBJ, {
    family: name.family,
    subject: `${name.family} ${name.table} ${name.limits}`,
    flags: MessageFlag.CREATE,
    attributes: [
      attribute(ObjectAttribute.TABLE, text(name.table)),
      attribute(ObjectAttribute.NAME, text(name.limits)),
      attribute(ObjectAttribute.TYPE, be32(TIME_LIMITS_OBJECT)),
      nested(ObjectAttribute.DATA, [
        attribute(NFTA_CT_TIMEOUT_L3PROTO, be16(NftFamilyNumber[version === 4 ? "ip" : "ip6"])),
        attribute(NFTA_CT_TIMEOUT_L4PROTO, u8(PROTOCOL_NUMBER[protocol])),
        nested(NFTA_CT_TIMEOUT_DATA, given.map(({ number, value }) => attribute(number, be32(value)))),
      ]),
    ],
  });
}
