import assert from "node:assert/strict";
import { ConntrackList } from "../../mod/linux/conntrack_list.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { ipFromBytes } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";
import { addEntries } from "./balance/entries.ts";

privileged("connections of a family are listed at once", () => {
  const namespace = Namespace.create();
  const list = namespace.run(() => new ConntrackList());
  const vip = { ip: ipFromBytes([10, 99, 0, 1]), port: 80 };
  addEntries(namespace, 700, { vip, backends: [{ ip: ipFromBytes([10, 99, 0, 2]), port: 8080 }] });
  assert.equal(list.list({ family: 4 }).length, 700);
  assert.equal(list.list({ family: 4, protocol: 6 }).length, 0);
  assert.equal(list.list({ family: 6 }).length, 0);
  list.close();
  namespace.close();
});
