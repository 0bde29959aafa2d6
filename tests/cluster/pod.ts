/** What a Pod would have of its own: files under /etc, in a mount namespace that the host does not see. */

import { join } from "node:path";

/** What is in it. */
export interface PodFiles {
  /** Lines that go before those of the machine's hosts file. */
  readonly hosts: readonly string[];
  /** The path of the file that is mounted as /etc/kubernetes/admin.conf; none if absent. */
  readonly adminConf?: string;
}

const SCRIPT = 'mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" /etc && ' +
  'if [ -n "$POD_ADMIN_CONF" ]; then cp "$POD_ADMIN_CONF" /etc/kubernetes/admin.conf; fi && exec "$@"';

/** What goes before a command so that it sees these files; `directory` is on a file system of its own and keeps the changes. */
export function inPod(
  directory: string,
  files: PodFiles,
): { readonly before: string[]; readonly env: Record<string, string> } {
  const upper = join(directory, "upper");
  for (const path of [upper, join(directory, "work"), join(upper, "kubernetes")]) {
    Deno.mkdirSync(path, { recursive: true });
  }
  Deno.writeTextFileSync(join(upper, "hosts"), [...files.hosts, Deno.readTextFileSync("/etc/hosts")].join("\n"));
  return {
    before: ["unshare", "--mount", "sh", "-c", SCRIPT, directory],
    env: files.adminConf === undefined ? {} : { "POD_ADMIN_CONF": files.adminConf },
  };
}
