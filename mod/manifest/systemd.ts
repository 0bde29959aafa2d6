/** Units for machines that run the program without a kubelet. */

import { containerInput } from "./env.ts";
import { BGP_PASSWORD, BGP_PEERS, type EnvVar, hasPassword } from "./secrets.ts";
import { electionType, isOn, textOf, type Values } from "./values.ts";
import type { Manifest } from "./pod.ts";

/** What a unit is made of. */
export interface UnitInput {
  /** Absolute path of the program. */
  readonly program: string;
  readonly runs:
    /** Members among themselves, as a file says: absolute path. */
    | { readonly command: "start"; readonly config: string }
    /** A control plane's node, as these settings say. */
    | { readonly command: "manager"; readonly values: Values };
}

/** Secrets of `manager`, which a unit must not hold: everybody on the machine may read it. */
const SECRETS_FILE = "/etc/kube-vip/manager.env";

/** A unit for `/etc/systemd/system/kube-vip.service`. */
export function systemdUnit(input: UnitInput): Manifest {
  const { program, runs } = input;
  if (runs.command === "start") {
    const how = `# Copy the program to ${program} and the configuration to ${runs.config}.`;
    return {
      text: unit({ how, exec: `${program} start -c ${runs.config}\n${RELOAD}`, service: [STATE] }),
      warnings: [],
    };
  }
  const { env, warnings } = containerInput(runs.values, { to: "file" });
  // The node's name is a reference in a Pod; without one the program takes the machine's name.
  const open = [...env, ...hostOnly(runs.values)].filter((one) => one.valueFrom === undefined && !isSecret(one));
  const service = [
    ...open.map((one) => `Environment=${quote(`${one.name}=${one.value ?? ""}`)}`),
    `EnvironmentFile=-${SECRETS_FILE}`,
    stateLine(textOf(runs.values, "vip_statedir")),
  ];
  const hidden = env.filter(isSecret).map((one) =>
    `${one.name}: is not printed; write ${one.name}=… to ${SECRETS_FILE} (mode 0600)`
  );
  return {
    text: unit({ how: `# Copy the program to ${program}.`, exec: `${program} manager`, service }),
    // Those about the passwords in a Pod do not apply.
    warnings: [...warnings.filter((one) => !one.startsWith("bgp_")), ...hidden, ...missing(runs.values)],
  };
}

/** What a Pod has from the kubelet, and a machine has not. */
function missing(values: Values): readonly string[] {
  const type = electionType(values);
  const unnamed = type === "peers" && textOf(values, "vip_localpeer") === "";
  const found = type === "etcd" || isOn(values, "cp_detect") || textOf(values, "kubernetes_addr") !== "";
  return [
    ...(unnamed ? ["vip_localpeer: is missing; name this member, id:address:port"] : []),
    ...(found ? [] : [
      "kubernetes_addr: is missing, so the API server is the one the machine knows as kubernetes (127.0.0.1 in /etc/hosts); " +
      "--autodetectcp finds it too",
    ]),
  ];
}

/** Settings that a Pod expresses by other means. */
function hostOnly(values: Values): readonly EnvVar[] {
  return ["vip_nodename", "k8s_config_file"].flatMap((name) => {
    const value = values.get(name);
    return value?.changed === true ? [{ name, value: value.text }] : [];
  });
}

function isSecret(variable: EnvVar): boolean {
  const { name, value = "" } = variable;
  return name === BGP_PASSWORD ? value !== "" : name === BGP_PEERS && hasPassword(value);
}

const RELOAD = "# Applies a changed configuration; connections go on.\nExecReload=/bin/kill -HUP $MAINPID";

const STATE = "StateDirectory=kube-vip\nStateDirectoryMode=0700";

/** systemd makes its own directory; any other has to exist. */
function stateLine(directory: string): string {
  return directory === "/var/lib/kube-vip" ? STATE : `ReadWritePaths=${quote(directory)}`;
}

/** One word for systemd.syntax(7); `%` would begin a specifier. */
function quote(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%");
  return /^[\w=:.,/@+-]*$/.test(escaped) ? escaped : `"${escaped}"`;
}

function unit(parts: { readonly how: string; readonly exec: string; readonly service: readonly string[] }): string {
  return `${parts.how}

[Unit]
Description=Keeps a virtual IP address alive and balances what arrives there
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${parts.exec}
# A stopped member hands its addresses over first; that takes milliseconds, draining connections a few seconds.
KillSignal=SIGTERM
TimeoutStopSec=15
Restart=always
RestartSec=1
LimitNOFILE=1048576

# Keeps heartbeats on time when the machine is busy.
Nice=-10
OOMScoreAdjust=-900

# Root without most of its powers: addresses, nftables and raw frames; low ports; a higher limit of open files.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_RESOURCE
NoNewPrivileges=yes
${parts.service.join("\n")}
CacheDirectory=kube-vip
# The runtime keeps compiled code here between starts.
Environment=TMPDIR=/var/cache/kube-vip
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}
