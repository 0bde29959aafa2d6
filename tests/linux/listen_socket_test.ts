import assert from "node:assert/strict";
import { Errno, SysError } from "../../mod/linux/errno.ts";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { closeFd } from "../../mod/linux/socket.ts";

async function reaches(hostname: string, port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("on every address it is reached by both families", async () => {
  const fd = openListener({ ip: "::", port: 0 }, { shared: false });
  const { ip, port } = listenerAddress(fd);
  assert.equal(ip, "::");
  assert.deepEqual([await reaches("127.0.0.1", port), await reaches("::1", port)], [true, true]);
  closeFd(fd);
});

Deno.test("on one IPv6 address it is that address alone", async () => {
  const fd = openListener({ ip: "::1", port: 0 }, { shared: false });
  const { port } = listenerAddress(fd);
  assert.deepEqual([await reaches("127.0.0.1", port), await reaches("::1", port)], [false, true]);
  closeFd(fd);
});

Deno.test("a port is one socket's, or shared by those that all want that", () => {
  const first = openListener({ ip: "127.0.0.1", port: 0 }, { shared: true });
  const { port } = listenerAddress(first);
  const second = openListener({ ip: "127.0.0.1", port }, { shared: true });
  assert.equal(listenerAddress(second).port, port);
  const busy = (error: unknown): boolean => error instanceof SysError && error.errno === Errno.EADDRINUSE;
  assert.throws(() => openListener({ ip: "127.0.0.1", port }, { shared: false }), busy);
  for (const fd of [first, second]) closeFd(fd);
});

Deno.test("an address that is not there, or none at all, is refused by name", () => {
  assert.throws(
    () => openListener({ ip: "192.0.2.99", port: 80 }, { shared: false }),
    /192\.0\.2\.99:80.*EADDRNOTAVAIL/,
  );
  assert.throws(() => openListener({ ip: "nonsense", port: 80 }, { shared: false }), /nonsense/);
});
