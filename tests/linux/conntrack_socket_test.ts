import assert from "node:assert/strict";
import { type Cleared, ConntrackSocket } from "../../mod/linux/conntrack_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { ipFromBytes, parseIp } from "../../mod/net/ip.ts";
import type { ConntrackEntry, ConntrackFilter } from "../../mod/net/netlink/conntrack.ts";
import { privileged } from "../fakes/privileges.ts";
import { addEntries } from "./balance/entries.ts";

function end(text: string, port: number): Required<ConntrackFilter>["backend"] {
  return { ip: parseIp(text) ?? assert.fail(), port };
}

const vip = end("10.90.0.100", 8080);
const backends = [end("10.91.1.2", 80), end("10.91.2.2", 80)];
const [first, second] = backends;
const all: ConntrackFilter = { family: 4, protocol: 17, destination: vip };

/** Runs `body` with `count` connections in a namespace of its own, half of them with each backend. */
async function withEntries(
  count: number,
  body: (conntrack: ConntrackSocket, namespace: Namespace) => void | Promise<void>,
): Promise<void> {
  const namespace = Namespace.create();
  const conntrack = namespace.run(() => new ConntrackSocket());
  try {
    addEntries(namespace, count, { vip, backends });
    await body(conntrack, namespace);
  } finally {
    await conntrack.close();
    namespace.close();
  }
}

privileged("count() and forEach() see what the filter names", () =>
  withEntries(1000, async (conntrack) => {
    assert.equal(conntrack.total(), 1000);
    const table: [ConntrackFilter, number][] = [
      [{ family: 4 }, 1000],
      [{ family: 6 }, 0],
      [all, 1000],
      [{ ...all, protocol: 6 }, 0],
      [{ ...all, destination: end("10.90.0.100", 8081) }, 0],
      [{ ...all, destination: end("10.90.0.101", 8080) }, 0],
      [{ ...all, backend: end("10.91.1.2", 80) }, 500],
      [{ ...all, backend: end("10.91.1.2", 81) }, 0],
      [{ family: 4, backend: end("10.91.2.2", 80) }, 500],
      [{ family: 4, backend: end("10.91.2.2", 81) }, 0],
    ];
    for (const [filter, wanted] of table) assert.equal(await conntrack.count(filter), wanted, JSON.stringify(filter));
    const clients = new Set<string>();
    await conntrack.forEach(all, ({ original }) => clients.add(ipFromBytes(original.source).text));
    assert.equal(clients.size, 1000);
  }));

privileged(
  "deleteMatching() ends the connections of one backend and no others",
  () =>
    withEntries(1000, async (conntrack) => {
      assert.ok(first && second);
      const gone: Cleared = await conntrack.deleteMatching({ ...all, backend: first });
      assert.deepEqual(gone, { found: 500, deleted: 500 });
      assert.deepEqual(await conntrack.deleteMatching({ ...all, backend: first }), { found: 0, deleted: 0 });
      assert.equal(await conntrack.count({ ...all, backend: second }), 500);
      assert.equal(conntrack.total(), 500);
    }),
);

privileged(
  "delete() ends this very connection: not twice, and not another with its addresses",
  () =>
    withEntries(3, async (conntrack) => {
      const entries: ConntrackEntry[] = [];
      await conntrack.forEach(all, (entry) => entries.push(entry));
      const [entry] = entries;
      assert.ok(entry);
      assert.equal(conntrack.delete({ ...entry, id: entry.id ^ 1 }), "absent");
      assert.equal(conntrack.delete(entry), "deleted");
      assert.equal(conntrack.delete(entry), "absent");
      assert.equal(conntrack.total(), 2);
    }),
);

privileged(
  "a visit that throws ends the visits, and the next list is whole",
  () =>
    withEntries(2000, async (conntrack) => {
      let visits = 0;
      const visit = (): never => {
        visits++;
        throw new RangeError("enough");
      };
      const [failed, counted] = await Promise.allSettled([conntrack.forEach(all, visit), conntrack.count(all)]);
      assert.equal(failed.status === "rejected" && failed.reason instanceof RangeError, true);
      assert.deepEqual([visits, counted], [1, { status: "fulfilled", value: 2000 }]);
    }),
);

privileged("close() waits for a list that is being read, which fails", () =>
  withEntries(2000, async (conntrack) => {
    const reading = conntrack.count(all);
    const [outcome] = await Promise.allSettled([reading, conntrack.close()]);
    assert.equal(outcome.status === "rejected" && outcome.reason.code, "ECONNABORTED");
    await conntrack.close();
  }));

privileged(
  "50,000 connections are counted and cleared while the event loop goes on",
  () =>
    withEntries(50_000, async (conntrack) => {
      let turns = 0;
      const ticking = setInterval(() => turns++, 0);
      assert.equal(await conntrack.count(all), 50_000);
      assert.ok(first);
      assert.deepEqual(await conntrack.deleteMatching({ ...all, backend: first }), { found: 25_000, deleted: 25_000 });
      clearInterval(ticking);
      // All of it at once would be none.
      assert.ok(turns > 50, `${turns} turns`);
    }),
);
