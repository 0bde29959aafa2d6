import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { limitsName, TIME_LIMITS } from "../../../mod/balance/kernel/time_limits.ts";
import { udpAddress, UdpSocket } from "../../../mod/linux/udp_socket.ts";
import { writeSysctl } from "../../../mod/linux/sysctl.ts";
import { insideNamespace, kernelParts } from "./kit.ts";

const ENTRIES = "/proc/thread-self/net/nf_conntrack";
const MACHINE_SECONDS = "7";
const PORT = 8080;

/** Seconds until the kernel forgets what is tracked to the port, by protocol. */
function secondsLeft(): Record<string, number> {
  const lines = Deno.readTextFileSync(ENTRIES).split("\n").filter((line) => line.includes(`dport=${PORT} `));
  const words = lines.map((line) => line.split(/\s+/));
  return Object.fromEntries(
    words.map(([family = "", , protocol = "", , left]) => [`${family} ${protocol}`, Number(left)]),
  );
}

privileged("a connection outlives the time-outs of a machine that forgets soon", async () => {
  await insideNamespace(async () => {
    for (const name of ["tcp_timeout_established", "udp_timeout", "udp_timeout_stream"]) {
      assert.equal(writeSysctl(["netfilter", `nf_conntrack_${name}`], MACHINE_SECONDS), "written");
    }
    const parts = kernelParts();
    for (const [family, address] of [["ipv4", "127.0.0.1"], ["ipv6", "::1"]] as const) {
      const listener = Deno.listen({ hostname: address, port: 0 });
      const backends = [{ address, port: listener.addr.port, weight: 1, usable: true }];
      const common = { port: PORT, vips: null, affinity: "none", preserveClientAddress: false, backends } as const;
      parts.table.put({ ...common, protocol: "tcp" });
      parts.table.put({ ...common, protocol: "udp" });
      const conn = await Deno.connect({ hostname: address, port: PORT });
      const accepted = await listener.accept();
      const socket = new UdpSocket(address, 0);
      assert.equal(socket.send(Uint8Array.of(1), udpAddress(address, PORT)), "sent");
      const left = secondsLeft();
      assert.ok((left[`${family} tcp`] ?? 0) > 5 * 86_400 - 100, JSON.stringify(left));
      assert.ok((left[`${family} udp`] ?? 0) > 20, JSON.stringify(left));
      for (const one of [conn, accepted, listener, socket]) one.close();
    }
    await parts.close();
  });
});

Deno.test("each protocol and family has an object of its own", () => {
  const names = TIME_LIMITS.flatMap((one) => [limitsName(one, 4), limitsName(one, 6)]);
  assert.deepEqual(names, ["limits-tcp4", "limits-tcp6", "limits-udp4", "limits-udp6"]);
});
