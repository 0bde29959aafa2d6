import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { changeTable, installTable, removeTable } from "../../../mod/balance/kernel/program.ts";
import type { KernelService } from "../../../mod/balance/kernel/types.ts";
import { BALANCE } from "../../../mod/balance/kernel/words.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { pause } from "../../../mod/linux/pause.ts";
import { NAMES, WEB, without } from "./services.ts";

/**
 * Everything the kernel has of the table, as text; the order of elements does not matter. While the kernel makes more or less room for a
 * set, a list of it may have one element twice, and another one not: then there is nothing to be said yet.
 */
function listing(nft: NftSocket): string {
  const rules = nft.rules(BALANCE).map(({ chain, expressions }) => JSON.stringify({ chain, expressions })).sort();
  let isSure = true;
  const sets = nft.sets(BALANCE).map((set) => {
    const elements = nft.elements(set);
    isSure &&= new Set(elements.map(({ key }) => key.join())).size === elements.length;
    const texts = elements.map(({ key, data, verdict }) => JSON.stringify([[...key], [...data ?? []], verdict]));
    return [JSON.stringify(set), texts.sort()];
  }).sort();
  if (!isSure) return "";
  return JSON.stringify([nft.chains(BALANCE).map((chain) => JSON.stringify(chain)).sort(), rules, sets], null, 1);
}

/** What is listed three times in a row. */
function settled(nft: NftSocket): string {
  const seen: string[] = [];
  for (;;) {
    const now = listing(nft);
    if (now === "" || now !== seen[0]) seen.length = 0;
    if (now !== "") seen.push(now);
    if (seen.length === 3) return now;
    pause(50);
  }
}

/** Waits for a listing; gives the last one if it never comes. */
function awaited(nft: NftSocket, wanted: string | undefined): string {
  let now = listing(nft);
  for (let looks = 1; now !== wanted && looks < 100; looks++) {
    pause(50);
    now = listing(nft);
  }
  return now;
}

function inNamespace(use: (nft: NftSocket) => void): void {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  try {
    use(nft);
  } finally {
    nft.close();
    namespace.close();
  }
}

const SITUATIONS: readonly (readonly KernelService[])[] = [
  [],
  [WEB],
  [WEB, NAMES],
  [without(WEB, 0), without(NAMES, 2)],
  [{ ...WEB, vips: [] }, NAMES],
  [{ ...WEB, vips: ["10.0.0.10"], preserveClientAddress: true }],
  [{ ...WEB, preserveClientAddress: true }, { ...WEB, protocol: "udp", preserveClientAddress: true }],
  [{ ...WEB, preserveClientAddress: true }, { ...WEB, protocol: "udp" }],
  [without(without(without(WEB, 0), 1), 2), { ...NAMES, backends: WEB.backends.slice(0, 1) }],
  [{ ...WEB, affinity: "source" }, { ...NAMES, affinity: "none" }],
  [{ ...WEB, vips: null, backends: [{ address: "127.0.0.1", port: 8080, weight: 1, usable: true }] }],
];

privileged("a change leads from any situation to the same table as building that anew", () => {
  inNamespace((nft) => {
    const built = SITUATIONS.map((services) => {
      nft.commit(installTable(services, { owned: false, timeLimits: true, takesUp: true }));
      return settled(nft);
    });
    assert.equal(new Set(built).size, built.length, "situations differ");
    for (const [from, before] of SITUATIONS.entries()) {
      for (const [to, after] of SITUATIONS.entries()) {
        nft.commit(installTable(before, { owned: false, timeLimits: true, takesUp: true }));
        nft.commit(changeTable(before, after));
        assert.equal(awaited(nft, built[to]), built[to], `from ${from} to ${to}`);
      }
    }
    nft.commit(removeTable());
    assert.deepEqual(nft.tables(), []);
  });
});

Deno.test("what stays the same is not touched", () => {
  assert.deepEqual(changeTable([WEB, NAMES], [WEB, NAMES]), []);
  const ops = changeTable([WEB, NAMES], [without(WEB, 0), NAMES]).map(({ op, subject }) => `${op} ${subject}`);
  assert.deepEqual(
    new Set(ops.map((op) => op.split(" ").at(-1))),
    new Set(["slots-tcp80_4", "tcp80_4"]),
    ops.join("\n"),
  );
  const taken = changeTable([{ ...WEB, vips: [] }], [WEB]).map(({ subject }) => subject.split(" ").at(-1));
  assert.deepEqual(taken, ["services4", "vips4", "services6", "vips6"]);
});

privileged("nft can list the table", () => {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  nft.commit(installTable([WEB, NAMES], { owned: true, timeLimits: true, takesUp: true }));
  const list = namespace.run(() => new Deno.Command("nft", { args: ["list", "ruleset"] }).outputSync());
  const text = new TextDecoder().decode(list.stdout);
  nft.close();
  namespace.close();
  assert.ok(list.success, new TextDecoder().decode(list.stderr));
  for (
    const part of ["dnat ip to numgen inc mod 4 map @slots-tcp80_4", "10.0.0.9 . tcp . 80 : goto tcp80_4", "masquerade"]
  ) {
    assert.ok(text.includes(part), part);
  }
}, { program: "nft" });
