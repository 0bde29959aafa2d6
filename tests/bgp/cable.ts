/** Two network namespaces with a cable between them, for tests on the real kernel. */
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { writeSysctl } from "../../mod/linux/sysctl.ts";
import { isLinkLocal, parseCidr, parseIp6 } from "../../mod/net/ip.ts";
import { AddressFlag } from "../../mod/net/netlink/address.ts";
import assert from "node:assert/strict";
import { until } from "./tcp_ends.ts";

/** One end: its link is `eth0`, its loopback is up. */
export class CableEnd {
  readonly namespace = Namespace.create();
  readonly routes = this.namespace.run(() => new RouteSocket());

  constructor() {
    // Addresses are usable at once.
    this.namespace.run(() => writeSysctl(["ipv6", "conf", "default", "accept_dad"], "0"));
    this.routes.setUp(this.routes.linkByName("lo")?.index ?? 0);
  }

  /** Index of the cable's link. */
  get index(): number {
    return this.routes.linkByName("eth0")?.index ?? 0;
  }

  /** Gives `eth0`, or another link, an address with its prefix length. */
  address(text: string, name = "eth0"): void {
    const cidr = parseCidr(text);
    assert.ok(cidr);
    const linkIndex = this.routes.linkByName(name)?.index ?? 0;
    const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: true, protocol: 0 };
    this.routes.putAddress({ ip: cidr.ip, prefixLength: cidr.prefixLength, linkIndex, ...forever });
  }

  /** The link-local IPv6 address of the link, once the kernel uses it. */
  linkLocal(): string | null {
    const own = this.routes.addresses().filter(({ linkIndex }) => linkIndex === this.index);
    return own.find(({ ip: text, flags }) => {
      const ip = parseIp6(text);
      return ip !== null && isLinkLocal(ip) && (flags & AddressFlag.TENTATIVE) === 0;
    })?.ip ?? null;
  }

  close(): void {
    this.routes.close();
    this.namespace.close();
  }
}

/** Runs `body` with both ends up and able to send: `here` has 10.1.0.1 and fd01::1, `there` .2 and ::2. */
export async function withCable(body: (here: CableEnd, there: CableEnd) => Promise<void>): Promise<void> {
  const [here, there] = [new CableEnd(), new CableEnd()];
  try {
    here.routes.addVeth({ name: "eth0", peerName: "eth0", peerNamespaceFd: there.namespace.fd });
    for (const [end, host] of [[here, 1], [there, 2]] as const) {
      end.routes.setUp(end.index);
      end.address(`10.1.0.${host}/24`);
      end.address(`fd01::${host}/64`);
    }
    const ready = (end: CableEnd): boolean =>
      end.routes.linkByName("eth0")?.running === true && end.linkLocal() !== null;
    await until(() => ready(here) && ready(there), "a cable that carries");
    await body(here, there);
  } finally {
    here.close();
    there.close();
  }
}
