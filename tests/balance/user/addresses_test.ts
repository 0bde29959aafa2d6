import assert from "node:assert/strict";
import { Addresses } from "../../../mod/balance/user/addresses.ts";
import { decodeEndpoint } from "../../../mod/linux/socket.ts";
import { getLog } from "../../../mod/observe/log.ts";
import { VirtualClock } from "../../fakes/clock.ts";

/** A resolver that answers as it is told. */
class Resolver {
  readonly asked: string[] = [];
  answers: Record<string, readonly string[] | Error> = {};

  readonly lookup = (host: string): Promise<readonly string[]> => {
    this.asked.push(host);
    const answer = this.answers[host] ?? new Error("the name is not known");
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
}

const LITERAL = { hostname: "192.0.2.1", port: 80, name: "literal" };
const NAMED = { hostname: "web.example", port: 81, name: "web.example:81" };

interface Scene {
  readonly clock: VirtualClock;
  readonly resolver: Resolver;
  readonly addresses: Addresses;
  readonly changes: string[];
}

function scene(backends = [LITERAL, NAMED]): Scene {
  const [clock, resolver, changes] = [new VirtualClock(), new Resolver(), [] as string[]];
  const addresses: Addresses = new Addresses(backends, {
    lookup: resolver.lookup,
    clock,
    log: getLog("balance"),
    onChange: () => changes.push(where(addresses).join(" ")),
  });
  return { clock, resolver, addresses, changes };
}

function where(addresses: Addresses): string[] {
  return addresses.destinations().map((one) => {
    const end = one === null ? null : decodeEndpoint(one.address);
    return end === null ? "-" : `${end.ip}:${end.port}`;
  });
}

/** Lets answers arrive. */
async function settle(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

Deno.test("addresses are used as they are, names are looked up before anything is listened on", async () => {
  const { addresses, resolver, clock } = scene();
  resolver.answers = { "web.example": ["198.51.100.7", "198.51.100.8"] };
  assert.deepEqual(where(addresses), ["192.0.2.1:80", "-"]);
  await addresses.start();
  assert.deepEqual(where(addresses), ["192.0.2.1:80", "198.51.100.7:81"]);
  assert.deepEqual(resolver.asked, ["web.example"]);
  addresses.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("without names nothing is asked and nothing waits", async () => {
  const { addresses, resolver, clock } = scene([LITERAL]);
  await addresses.start();
  assert.deepEqual(resolver.asked, []);
  assert.equal(clock.pending, 0);
  addresses.stop();
});

Deno.test("a name is looked up again, and what is used stays as long as it is given", async () => {
  const { addresses, resolver, clock, changes } = scene();
  resolver.answers = { "web.example": ["198.51.100.7"] };
  await addresses.start();
  changes.length = 0;
  resolver.answers = { "web.example": ["198.51.100.6", "198.51.100.7"] };
  clock.advance(30_000);
  await settle();
  assert.deepEqual(changes, []);
  resolver.answers = { "web.example": ["198.51.100.6"] };
  clock.advance(30_000);
  await settle();
  assert.deepEqual(changes, ["192.0.2.1:80 198.51.100.6:81"]);
  assert.equal(resolver.asked.length, 3);
  addresses.stop();
});

Deno.test("after a failed connect another address is used, and the name is looked up, not too often", async () => {
  const { addresses, resolver, clock } = scene();
  resolver.answers = { "web.example": ["198.51.100.7", "198.51.100.8"] };
  await addresses.start();
  clock.advance(2000);
  addresses.unreached(1);
  assert.equal(where(addresses)[1], "198.51.100.8:81");
  addresses.unreached(1);
  await settle();
  addresses.unreached(1);
  assert.equal(resolver.asked.length, 2);
  addresses.unreached(0);
  assert.equal(resolver.asked.length, 2, "an address is not a name");
  addresses.stop();
});

Deno.test("a name without an address is asked for every second; one that had one keeps it", async () => {
  const { addresses, resolver, clock } = scene();
  const starting = addresses.start();
  await settle();
  await starting;
  clock.advance(1000);
  await settle();
  assert.equal(resolver.asked.length, 2);
  resolver.answers = { "web.example": ["2001:db8::1"] };
  clock.advance(1000);
  await settle();
  assert.equal(where(addresses)[1], "2001:db8::1:81");
  resolver.answers = {};
  clock.advance(30_000);
  await settle();
  assert.equal(where(addresses)[1], "2001:db8::1:81");
  addresses.stop();
});

Deno.test("a start waits for an answer a second at most", async () => {
  const { addresses, clock } = scene([NAMED]);
  const never = new Addresses([NAMED], {
    lookup: () => new Promise(() => {}),
    clock,
    log: getLog("balance"),
    onChange: () => {},
  });
  let isStarted = false;
  const starting = never.start().then(() => isStarted = true);
  await settle();
  assert.equal(isStarted, false);
  clock.advance(1000);
  await starting;
  never.stop();
  addresses.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("other backends: names that are gone are not asked for, known ones keep their address", async () => {
  const { addresses, resolver, clock } = scene();
  resolver.answers = { "web.example": ["198.51.100.7"] };
  await addresses.start();
  addresses.update([NAMED, LITERAL]);
  assert.deepEqual(where(addresses), ["198.51.100.7:81", "192.0.2.1:80"]);
  addresses.update([LITERAL]);
  clock.advance(60_000);
  await settle();
  assert.equal(resolver.asked.length, 1);
  assert.equal(clock.pending, 0);
  addresses.stop();
});
