/** The alternative names of a certificate in the text form of `node:tls`. */

import { parseIp } from "../net/ip.ts";

/**
 * Names and addresses (canonical text) of e.g. `DNS:kubernetes, IP Address:10.0.0.1`. Quoted entries are left out: they hold characters
 * that no name of a server has.
 */
export function sanNames(text: string): string[] {
  const names: string[] = [];
  if (text.includes('"')) text = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  for (const entry of text.split(", ")) {
    const address = entry.startsWith("IP Address:") ? parseIp(entry.slice("IP Address:".length)) : null;
    if (address !== null) names.push(address.text);
    else if (/^DNS:[A-Za-z0-9*._-]+$/.test(entry)) names.push(entry.slice("DNS:".length));
  }
  return names;
}

/** Whether a host is written as an address. */
export function isIpText(host: string): boolean {
  return parseIp(host) !== null;
}
