import assert from "node:assert/strict";
import { RawIpSocket } from "../../mod/linux/raw_ip_socket.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { bareAcknowledgement } from "../../mod/net/tcp_segment.ts";
import { insideNamespace } from "../balance/kernel/kit.ts";
import { privileged } from "../fakes/privileges.ts";

/** How many segments of TCP this namespace has received. */
function received(): number {
  const lines = Deno.readTextFileSync("/proc/thread-self/net/snmp").split("\n").filter((line) =>
    line.startsWith("Tcp:")
  );
  const [names = [], values = []] = lines.map((line) => line.split(" "));
  return Number(values[names.indexOf("InSegs")]);
}

privileged("packets with a sender of the program's choice arrive, of both families", async () => {
  await insideNamespace(() => {
    const socket = new RawIpSocket();
    for (const [from, to] of [["192.0.2.1", "127.0.0.1"], ["::1", "::1"]] as const) {
      const [source, target] = [parseIp(from), parseIp(to)];
      assert.ok(source !== null && target !== null);
      const before = received();
      assert.equal(
        socket.send(bareAcknowledgement({ ip: source, port: 1 }, { ip: target, port: 2 }, 3), target),
        "sent",
      );
      assert.ok(received() > before, `from ${from}`);
    }
    const nowhere = parseIp("198.51.100.1");
    assert.ok(nowhere !== null);
    assert.equal(socket.send(new Uint8Array(40), nowhere), "refused");
    socket.close();
    socket.close();
    return Promise.resolve();
  });
});
