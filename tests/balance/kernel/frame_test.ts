import assert from "node:assert/strict";
import { privileged } from "../../fakes/privileges.ts";
import { frame } from "../../../mod/balance/kernel/frame.ts";
import { BALANCE } from "../../../mod/balance/kernel/words.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { addTable } from "../../../mod/net/netlink/nftables.ts";

privileged("addresses are translated just before others would, packets counted after they were filtered", () => {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  nft.commit([addTable(BALANCE), ...frame()]);
  const hooks = nft.chains(BALANCE).flatMap(({ chain, hook }) =>
    hook === undefined ? [] : [`${chain} ${hook.type} ${hook.at} ${hook.priority} ${hook.policy}`]
  );
  const empty = nft.sets(BALANCE).map(({ set }) => nft.elements({ ...BALANCE, set }).length);
  nft.close();
  namespace.close();
  assert.deepEqual(hooks.sort(), [
    "count-forward filter forward 50 accept",
    "count-input filter input 50 accept",
    "count-output filter output 50 accept",
    "input nat input 90 accept",
    "output nat output -110 accept",
    "postrouting nat postrouting 90 accept",
    "prerouting nat prerouting -110 accept",
  ]);
  assert.deepEqual(empty, Array.from({ length: 12 }, () => 0));
});
