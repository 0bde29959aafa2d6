import { kernelContract } from "../contracts/kernel.ts";
import { privileged } from "../fakes/privileges.ts";
import { NetlinkAddressBook } from "../../mod/vip/netlink_book.ts";
import { NftPermission } from "../../mod/vip/nft_permission.ts";
import { CabledMachine } from "./machine.ts";

kernelContract("real kernel", () => {
  const cabled = new CabledMachine();
  return {
    book: new NetlinkAddressBook(cabled.routes),
    permission: new NftPermission(cabled.nft),
    linkIndex: cabled.link.index,
    answers: (ip) => cabled.answers(ip),
    wait: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
    flushRules: () => cabled.flushRules(),
    close: () => cabled.close(),
  };
}, privileged);
