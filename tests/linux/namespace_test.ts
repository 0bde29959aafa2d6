import assert from "node:assert/strict";
import { AssertionError } from "../../mod/base/assert.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";

const ADDRESS = "10.201.0.1";

/** The namespace the calling thread is in: a number of the kernel's. */
function here(): string {
  return Deno.readLinkSync("/proc/thread-self/ns/net");
}

/** A namespace with loopback up and an address that exists nowhere else. */
function withAddress(): Namespace {
  const ip = parseIp(ADDRESS);
  assert.ok(ip);
  const namespace = Namespace.create();
  const routes = namespace.run(() => new RouteSocket());
  const forever = { validSeconds: Infinity, preferredSeconds: Infinity };
  routes.setUp(1);
  routes.putAddress({ ip, prefixLength: 32, linkIndex: 1, ...forever, nodad: false, protocol: 0 });
  routes.close();
  return namespace;
}

privileged("create() makes an empty namespace and stays outside", () => {
  const home = here();
  const namespace = Namespace.create();
  assert.equal(here(), home);
  assert.notEqual(namespace.run(here), home);
  namespace.close();
  namespace.close();
});

privileged("run() comes back with the result, from nested runs and after a throw", () => {
  const home = here();
  const [a, b] = [Namespace.create(), Namespace.create()];
  const inA = a.run(here);
  a.run(() => {
    assert.notEqual(b.run(here), inA);
    assert.equal(here(), inA);
  });
  assert.throws(() =>
    a.run(() => {
      throw new RangeError("inside");
    }), RangeError);
  assert.equal(here(), home);
  a.close();
  b.close();
});

privileged("run() refuses what is not synchronous", () => {
  const namespace = Namespace.create();
  assert.throws(() => namespace.run(() => Promise.resolve()), AssertionError);
  namespace.close();
});

privileged("current() is where the thread is, and keeps the place", () => {
  const namespace = Namespace.create();
  const again = namespace.run(() => Namespace.current());
  assert.equal(again.run(here), namespace.run(here));
  again.close();
  namespace.close();
});

privileged("Deno.listen binds inside run(), and a worker that is made there stays there", async () => {
  const namespace = withAddress();
  const options = { hostname: ADDRESS, port: 0 };
  assert.throws(() => Deno.listen(options), Deno.errors.AddrNotAvailable);
  const listener = namespace.run(() => Deno.listen(options));
  const script = "postMessage(Deno.readLinkSync('/proc/thread-self/ns/net'))";
  const worker = namespace.run(() => new Worker(`data:application/javascript,${script}`, { type: "module" }));
  const seen = await new Promise((resolve) => worker.onmessage = (event) => resolve(event.data));
  assert.equal(seen, namespace.run(here));
  worker.terminate();
  listener.close();
  namespace.close();
});

privileged("Deno.connect to an address that is started inside run() connects there", async () => {
  const namespace = withAddress();
  const listener = namespace.run(() => Deno.listen({ hostname: ADDRESS, port: 0 }));
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept();
  const [connecting] = namespace.run(() => [Deno.connect({ hostname: ADDRESS, port })]);
  (await connecting)?.close();
  (await accepted).close();
  listener.close();
  namespace.close();
});

privileged("a program started by Deno.Command inside run() runs in the namespace", async () => {
  const namespace = withAddress();
  const inside = namespace.run(here);
  const command = new Deno.Command("readlink", { args: ["/proc/self/ns/net"], stdout: "piped" });
  assert.equal(new TextDecoder().decode(namespace.run(() => command.outputSync()).stdout).trim(), inside);
  for (let round = 0; round < 20; round++) {
    const child = namespace.run(() => command.spawn());
    assert.equal(new TextDecoder().decode((await child.output()).stdout).trim(), inside);
  }
  const outside = await command.output();
  assert.equal(new TextDecoder().decode(outside.stdout).trim(), here());
  namespace.close();
});

privileged("synchronous access to /proc/sys/net inside run() is the namespace's own", () => {
  const namespace = Namespace.create();
  const file = "/proc/sys/net/ipv4/conf/all/arp_ignore";
  const outside = Deno.readTextFileSync(file);
  namespace.run(() => Deno.writeTextFileSync(file, "7"));
  assert.equal(namespace.run(() => Deno.readTextFileSync(file)), "7\n");
  assert.equal(Deno.readTextFileSync(file), outside);
  namespace.close();
});

privileged("what is awaited afterwards is outside again, also when many pool threads serve it", async () => {
  const home = here();
  const namespace = Namespace.create();
  for (let round = 0; round < 3; round++) {
    namespace.run(here);
    const seen = Array.from({ length: 40 }, () => Deno.readLink("/proc/thread-self/ns/net"));
    assert.deepEqual([...new Set(await Promise.all(seen))], [home]);
  }
  namespace.close();
});
