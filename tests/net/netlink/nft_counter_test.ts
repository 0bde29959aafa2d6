import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { MessageFlag } from "../../../mod/net/netlink/message.ts";
import { addCounter, decodeCounter, deleteCounter, dumpCounters } from "../../../mod/net/netlink/nft_counter.ts";
import { NftMessage } from "../../../mod/net/netlink/nft_numbers.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, message } from "./fixtures.ts";

const t = { family: "ip", table: "t" } as const;
const NAME = "02000000 06000100 74000000 07000200 63320000 08000300 00000001";
/** As nft 1.0.6 sends it: `counter c2 { packets 5 bytes 77 }`. */
const ADDED = `${NAME} 1c000480 0c000100 00000000 0000004d 0c000200 00000000 00000005`;

Deno.test("counters are written as nft writes them", () => {
  const add = addCounter({ ...t, counter: "c2" }, { packets: 5, bytes: 77 });
  assert.deepEqual([add.type, add.flags, add.payload], [NftMessage.NEWOBJ, MessageFlag.CREATE, bytes(ADDED)]);
  assert.equal(`${add.op} ${add.subject}`, "add counter ip t c2");
  const remove = deleteCounter({ ...t, counter: "c2" });
  assert.deepEqual([remove.type, remove.flags, remove.payload], [NftMessage.DELOBJ, 0, bytes(NAME)]);
  const dump = dumpCounters(t);
  assert.deepEqual([dump.type, dump.flags], [NftMessage.GETOBJ, MessageFlag.DUMP]);
  assert.deepEqual(dump.payload, bytes("02000000 06000100 74000000 08000300 00000001"));
});

Deno.test("counters are read back, other objects are left alone", () => {
  const listed = `${ADDED} 08000500 00000003`;
  assert.deepEqual(decodeCounter(message(NftMessage.NEWOBJ, bytes(listed))), {
    counter: "c2",
    packets: 5,
    bytes: 77,
    uses: 3,
  });
  assert.deepEqual(decodeCounter(echo(addCounter({ ...t, counter: "new" }))), {
    counter: "new",
    packets: 0,
    bytes: 0,
    uses: 0,
  });
  assert.equal(decodeCounter(message(NftMessage.NEWOBJ, bytes("02000000 08000300 00000002"))), null);
});

Deno.test("malformed counters are refused, and nothing else happens", () => {
  const short = ADDED.replace("0c000200 00000000 00000005", "08000200 00000000");
  assert.throws(() => decodeCounter(message(NftMessage.NEWOBJ, bytes(short))), WireError);
  fuzz({
    decode: (input) => {
      decodeCounter(message(0, input));
      return input;
    },
    encode: (input) => Uint8Array.from(input),
    samples: [bytes(ADDED)],
  });
});
