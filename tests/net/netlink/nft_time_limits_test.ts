import assert from "node:assert/strict";
import { MessageFlag } from "../../../mod/net/netlink/message.ts";
import { NftMessage } from "../../../mod/net/netlink/nft_numbers.ts";
import { addTimeLimits, type TimeLimits } from "../../../mod/net/netlink/nft_time_limits.ts";
import { bytes } from "./fixtures.ts";

/** What nft 1.0.6 sends for `ct timeout ti` in table `inet t`; where the words name no state it sends defaults of its own. */
const TABLE: [4 | 6, TimeLimits, string][] = [
  [
    4,
    {
      protocol: "tcp",
      seconds: {
        // The order does not matter.
        timeWait: 60,
        synSent: 120,
        synReceived: 60,
        established: 432_000,
        finWait: 120,
        closeWait: 60,
        lastAck: 30,
        close: 10,
        synSentTwice: 120,
        retransmitted: 300,
        unacknowledged: 300,
      },
    },
    `70000480 06000100 00020000 05000200 06000000 5c000380 08000100 00000078 08000200 0000003c 08000300 00069780
     08000400 00000078 08000500 0000003c 08000600 0000001e 08000700 0000003c 08000800 0000000a 08000900 00000078
     08000a00 0000012c 08000b00 0000012c`,
  ],
  [
    6,
    { protocol: "udp", seconds: { unanswered: 30, answered: 180 } },
    "28000480 06000100 000a0000 05000200 11000000 14000380 08000100 0000001e 08000200 000000b4",
  ],
];

Deno.test("time-outs of connections are written as nft writes them", () => {
  for (const [version, limits, wanted] of TABLE) {
    const { type, flags, payload, ...about } = addTimeLimits(
      { family: "inet", table: "t", limits: "ti" },
      version,
      limits,
    );
    assert.deepEqual([type, flags], [NftMessage.NEWOBJ, MessageFlag.CREATE]);
    assert.deepEqual(payload, bytes(`01000000 06000100 74000000 07000200 74690000 08000300 00000007 ${wanted}`));
    assert.deepEqual(about, { op: "add ct timeout", subject: "inet t ti" });
  }
});

Deno.test("a state without a time-out is not sent", () => {
  const { payload } = addTimeLimits({ family: "inet", table: "t", limits: "ti" }, 4, {
    protocol: "tcp",
    seconds: { timeWait: 1 },
  });
  const data = "20000480 06000100 00020000 05000200 06000000 0c000380 08000700 00000001";
  assert.deepEqual(payload, bytes(`01000000 06000100 74000000 07000200 74690000 08000300 00000007 ${data}`));
});
