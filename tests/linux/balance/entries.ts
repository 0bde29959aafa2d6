/** Connections that never were, written into the kernel's table. */
import assert from "node:assert/strict";
import type { Namespace } from "../../../mod/linux/namespace.ts";
import { NetlinkFamily, NetlinkSocket } from "../../../mod/linux/netlink_socket.ts";
import { type Ip, ipFromBytes } from "../../../mod/net/ip.ts";
import { attribute, nested } from "../../../mod/net/netlink/attribute.ts";
import { be16, be32, concat, u8 } from "../../../mod/net/netlink/bytes.ts";
import { ConntrackMessage } from "../../../mod/net/netlink/conntrack.ts";
import { encodeMessage, MessageFlag } from "../../../mod/net/netlink/message.ts";

const CTA_TIMEOUT = 7;
const UDP = 17;
const SECONDS = 600;
const AT_A_TIME = 500;

interface End {
  readonly ip: Ip;
  readonly port: number;
}

function tuple(type: number, from: End, to: End): Uint8Array {
  return nested(type, [
    nested(1, [attribute(1, from.ip.bytes), attribute(2, to.ip.bytes)]),
    nested(2, [attribute(1, u8(UDP)), attribute(2, be16(from.port)), attribute(3, be16(to.port))]),
  ]);
}

/** Adds `count` connections of UDP to `vip`, answered by the backends in turn, each of another client. */
export function addEntries(namespace: Namespace, count: number, to: { vip: End; backends: readonly End[] }): void {
  const socket = namespace.run(() => new NetlinkSocket(NetlinkFamily.NETFILTER));
  try {
    for (let first = 0; first < count; first += AT_A_TIME) {
      const messages = Array.from({ length: Math.min(AT_A_TIME, count - first) }, (_, index) => {
        const number = first + index;
        const client = { ip: ipFromBytes([10, number >>> 16, number >>> 8 & 255, number & 255]), port: 4000 };
        const backend = to.backends[number % to.backends.length] ?? assert.fail();
        const payload = concat([
          Uint8Array.of(2, 0, 0, 0),
          tuple(1, client, to.vip),
          tuple(2, backend, client),
          attribute(CTA_TIMEOUT, be32(SECONDS)),
        ]);
        const flags = MessageFlag.REQUEST | MessageFlag.CREATE | MessageFlag.EXCLUSIVE;
        return encodeMessage({ type: ConntrackMessage.NEW, flags, sequence: number + 1, portId: 0, payload });
      });
      socket.send(concat(messages), { op: "add connections", subject: "" });
      assert.equal(socket.receive(), "empty", "the kernel only answers what it refuses");
    }
  } finally {
    socket.close();
  }
}
