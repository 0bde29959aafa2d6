import assert from "node:assert/strict";
import { Estate } from "../../mod/balance/estate.ts";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { closeFd } from "../../mod/linux/socket.ts";
import { isRefused } from "./kit.ts";

const IP = "127.0.0.1";

function listening(): { fd: number; at: { ip: string; port: number } } {
  const fd = openListener({ ip: IP, port: 0 }, { shared: false });
  return { fd, at: { ip: IP, port: listenerAddress(fd).port } };
}

Deno.test("what was left on an address and port is taken once, by who asks for just that", async () => {
  const estate = new Estate();
  const [one, other] = [listening(), listening()];
  estate.leave(one.at, [one.fd]);
  estate.leave(other.at, [other.fd]);
  assert.equal(estate.size, 2);
  assert.deepEqual([estate.has(one.at), estate.has({ ...one.at, ip: "::" })], [true, false]);
  assert.deepEqual(estate.take({ ip: "::", port: one.at.port }), []);
  assert.deepEqual(estate.take(one.at), [one.fd]);
  assert.deepEqual(estate.take(one.at), []);
  estate.close();
  assert.deepEqual([await isRefused(one.at.port), await isRefused(other.at.port)], [false, true]);
  closeFd(one.fd);
});

Deno.test("several threads leave the sockets of one address one after the other", () => {
  const estate = new Estate();
  const [one, other] = [listening(), listening()];
  estate.leave(one.at, [one.fd]);
  estate.leave(one.at, [other.fd]);
  assert.deepEqual(estate.take(one.at), [one.fd, other.fd]);
  for (const { fd } of [one, other]) closeFd(fd);
});

Deno.test("a release ends what is left on that address, and nothing else", async () => {
  const estate = new Estate();
  const one = listening();
  estate.leave(one.at, [one.fd]);
  estate.release("127.0.0.2");
  assert.equal(await isRefused(one.at.port), false);
  estate.release(IP);
  assert.equal(await isRefused(one.at.port), true);
  assert.equal(estate.size, 0);
});

Deno.test("what is left after the end ends at once", async () => {
  const estate = new Estate();
  estate.close();
  const { fd, at } = listening();
  estate.leave(at, [fd]);
  assert.equal(await isRefused(at.port), true);
  assert.equal(estate.size, 0);
});
