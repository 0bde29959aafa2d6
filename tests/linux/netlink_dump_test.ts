import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NetlinkDump } from "../../mod/linux/netlink_dump.ts";
import { NetlinkFamily } from "../../mod/linux/netlink_socket.ts";
import { decodeLink, dumpLinks } from "../../mod/net/netlink/link.ts";
import { privileged } from "../fakes/privileges.ts";

Deno.test("read() gives the messages of a list, one list after the other", async () => {
  const dump = new NetlinkDump(NetlinkFamily.ROUTE);
  const names: string[] = [];
  const read = (): Promise<void> =>
    dump.read(dumpLinks(), (messages) => messages.forEach((each) => names.push(decodeLink(each).name)));
  await Promise.all([read(), read()]);
  assert.equal(names.filter((name) => name === "lo").length, 2);
  await dump.close();
  await assert.rejects(read(), { code: "ECONNABORTED", op: dumpLinks().op });
  await dump.close();
});

Deno.test("what the kernel refuses is thrown with the words of the request", async () => {
  const dump = new NetlinkDump(NetlinkFamily.ROUTE);
  const nonsense = { ...dumpLinks(), op: "list nonsense", type: 0x7ff0 };
  await assert.rejects(dump.read(nonsense, () => assert.fail()), { op: "list nonsense", code: "EOPNOTSUPP" });
  let links = 0;
  await dump.read(dumpLinks(), (messages) => void (links += messages.length));
  assert.ok(links > 0, "the socket is of use again");
  await dump.close();
});

privileged("a list is that of the namespace the socket was made in", async () => {
  const namespace = Namespace.create();
  const dump = namespace.run(() => new NetlinkDump(NetlinkFamily.ROUTE));
  const names: string[] = [];
  await dump.read(dumpLinks(), (messages) => messages.forEach((each) => names.push(decodeLink(each).name)));
  assert.deepEqual(names, ["lo"]);
  await dump.close();
  namespace.close();
});
