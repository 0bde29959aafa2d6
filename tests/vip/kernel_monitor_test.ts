import assert from "node:assert/strict";
import type { KernelEvent } from "../../mod/vip/kernel.ts";
import { eventIn, KernelMonitor } from "../../mod/vip/kernel_monitor.ts";
import { NetlinkAddressBook } from "../../mod/vip/netlink_book.ts";
import { privileged } from "../fakes/privileges.ts";
import { CabledMachine } from "./machine.ts";

const V4 = "10.98.0.200";

/** Collects events until one satisfies the wanted condition. */
class Listener {
  readonly events: KernelEvent[] = [];
  #wanted: { test: (event: KernelEvent) => boolean; resolve: (event: KernelEvent) => void } | null = null;

  readonly hear = (event: KernelEvent): void => {
    this.events.push(event);
    if (this.#wanted?.test(event) === true) this.#wanted.resolve(event);
  };

  until(test: (event: KernelEvent) => boolean): Promise<KernelEvent> {
    const found = Promise.withResolvers<KernelEvent>();
    this.#wanted = { test, resolve: found.resolve };
    return found.promise;
  }
}

privileged("addresses that come and go, and a cable that is pulled, are told at once", async () => {
  const cabled = new CabledMachine();
  const listener = new Listener();
  const monitor = cabled.machine.run(() => new KernelMonitor(cabled.poller, listener.hear));
  const book = new NetlinkAddressBook(cabled.routes);

  const added = listener.until((event) => event.type === "address-added" && event.ip === V4);
  book.put(V4, 32, cabled.link.index, 10);
  await added;
  const removed = listener.until((event) => event.type === "address-removed" && event.ip === V4);
  book.remove(V4, 32, cabled.link.index);
  await removed;
  const down = listener.until((event) => event.type === "link-changed" && !event.link.running);
  cabled.setCable("unplugged");
  await down;
  const up = listener.until((event) => event.type === "link-changed" && event.link.running);
  cabled.setCable("plugged");
  await up;
  const gone = listener.until((event) => event.type === "link-removed");
  cabled.routes.deleteLink(cabled.link.index);
  assert.deepEqual(await gone, { type: "link-removed", linkIndex: cabled.link.index, name: "eth0" });

  monitor.close();
  await cabled.close();
});

privileged("events that were lost become one wish to look at everything", async () => {
  const cabled = new CabledMachine();
  const listener = new Listener();
  const resync = listener.until((event) => event.type === "resync");
  const monitor = cabled.machine.run(() => new KernelMonitor(cabled.poller, listener.hear));
  const book = new NetlinkAddressBook(cabled.routes);
  // Synchronous, so that nobody reads meanwhile: more events than the megabyte of the queue holds.
  for (let round = 0; round < 8000; round++) {
    book.put(V4, 32, cabled.link.index, 10);
    book.remove(V4, 32, cabled.link.index);
  }
  await resync;
  monitor.close();
  await cabled.close();
});

Deno.test("a message of another kind means nothing", () => {
  assert.equal(eventIn({ type: 3, flags: 0, sequence: 0, portId: 0, payload: new Uint8Array() }), null);
});
