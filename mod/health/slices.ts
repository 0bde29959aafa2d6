/** The API servers of a cluster, as the EndpointSlices of the Service `kubernetes` in `default` name them. */

import type { KubeObject } from "../kube/api.ts";
import { parseIp } from "../net/ip.ts";

/** Where they are read. */
export const SLICES_PATH = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
/** The slices of that Service. */
export const SLICES_QUERY = { labelSelector: "kubernetes.io/service-name=kubernetes" } as const;
/** More than any control plane has. */
const MAX_SERVERS = 16;

/** An EndpointSlice, as far as it is read here; whatever is not as it should be is passed over. */
export interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly { readonly addresses?: readonly string[] }[] | null;
  readonly ports?: readonly { readonly name?: string | null; readonly port?: number | null }[] | null;
}

/** A list of them. */
export interface EndpointSliceList {
  readonly items?: readonly EndpointSlice[] | null;
}

/** Base URLs of the API servers on other machines, without doubles, in the order of the list; at most sixteen. */
export function otherServers(list: EndpointSliceList, own: ReadonlySet<string>): string[] {
  const urls = (list.items ?? []).flatMap((slice) => {
    const port = portOf(slice);
    if (port === null) return [];
    return addressesOf(slice).filter((ip) => !own.has(ip)).map((ip) => urlOf(ip, port));
  });
  return [...new Set(urls)].slice(0, MAX_SERVERS);
}

function portOf({ ports }: EndpointSlice): number | null {
  const given = ports ?? [];
  return (given.find(({ name }) => name === "https") ?? given[0])?.port ?? null;
}

/** In canonical text, as the machine's own addresses are. */
function addressesOf({ endpoints }: EndpointSlice): string[] {
  return (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []).flatMap((given) => {
    const ip = parseIp(given);
    return ip === null ? [] : [ip.text];
  });
}

function urlOf(ip: string, port: number): string {
  return `https://${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
}
