/** Electors in processes of their own on a real etcd, all on loopback and at ports that the kernel chose. */
import assert from "node:assert/strict";
import { EtcdGateway, type EtcdTlsFiles } from "../../mod/election/etcd/gateway.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { Authority } from "../kubernetes/certificates.ts";
import { Child } from "./child.ts";
import { makeDirectory } from "./directory.ts";
import type { EtcdNodeLine, EtcdNodeOptions } from "./etcd_node.ts";
import { Changes, sharedNow, sleep } from "./time.ts";

export const TTL_MS = 5000;
const PREFIX = "kube-system-plndr-cp-lock";
const NODE = new URL("etcd_node.ts", import.meta.url).pathname;
const READY_MS = 20_000;
const NO_TLS: EtcdTlsFiles = { caPath: null, certPath: null, keyPath: null };

/** An elector in a process. */
export interface EtcdNode {
  readonly identity: string;
  /** Its boot id: a process that follows another on the same machine holds what that one held. */
  readonly machine: string;
  readonly child: Child;
  readonly lines: EtcdNodeLine[];
}

/** What etcd is made of. */
export interface EtcdLabOptions {
  /** With certificates, and none without one is let in. */
  readonly secure?: boolean;
  /** Members of the etcd cluster; one if not named. */
  readonly members?: number;
}

interface Member {
  readonly name: string;
  readonly url: string;
  readonly peerUrl: string;
  process: Child | null;
}

/** An etcd cluster and any number of electors. */
export class EtcdLab {
  readonly changes = new Changes();
  readonly nodes: EtcdNode[] = [];
  readonly #directory: string;
  readonly #members: readonly Member[];
  readonly #tls: EtcdTlsFiles;
  readonly #scheme: "http" | "https";

  private constructor(directory: string, { secure = false, members = 1 }: EtcdLabOptions) {
    this.#directory = directory;
    this.#scheme = secure ? "https" : "http";
    const ports = freePorts(2 * members);
    this.#members = Array.from({ length: members }, (_, at) => ({
      name: `member${at}`,
      url: `${this.#scheme}://127.0.0.1:${ports[2 * at]}`,
      peerUrl: `http://127.0.0.1:${ports[2 * at + 1]}`,
      process: null,
    }));
    this.#tls = secure ? writeCertificates(directory) : NO_TLS;
  }

  /** Where the members are. */
  get urls(): readonly string[] {
    return this.#members.map((member) => member.url);
  }

  /** Runs an etcd, uses it, and ends everything; a failure carries what the nodes wrote. */
  static async with(options: EtcdLabOptions, use: (lab: EtcdLab) => Promise<void>): Promise<void> {
    const directory = await makeDirectory("kube-vip-etcd-");
    const lab = new EtcdLab(directory, options);
    try {
      await lab.startEtcd();
      await use(lab);
      assert.deepEqual(lab.overlaps(), []);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${lab.#logs()}`, { cause: error });
    } finally {
      await Promise.all(lab.nodes.map(({ child }) => child.stop("SIGKILL")));
      await lab.stopEtcd();
      await Deno.remove(directory, { recursive: true });
    }
  }

  /** Starts etcd, with what it knew before, and waits until it answers. */
  async startEtcd(): Promise<void> {
    for (const member of this.#members) {
      member.process = Child.start(this.#command(member), { name: member.name, inside: (action) => action() });
    }
    await this.#asked(async (gateway) => (await gateway.txn({ compare: [], success: [] }, 1000)).outcome === "ok");
  }

  async stopEtcd(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.process?.stop("SIGKILL")));
  }

  /** Sends every member of etcd a signal. */
  signalEtcd(signal: Deno.Signal): void {
    for (const member of this.#members) member.process?.signal(signal);
  }

  /** Kills the member that leads etcd, as that member itself says. */
  async killEtcdLeader(): Promise<void> {
    for (const member of this.#members) {
      const answer = await fetch(`${member.url}/v3/maintenance/status`, { method: "POST", body: "{}" });
      const { header, leader } = await answer.json();
      if (header.member_id === leader) return void await member.process?.stop("SIGKILL");
    }
    throw new Error("etcd has no leader");
  }

  /** Waits until something can be seen in etcd. */
  async #asked(look: (gateway: EtcdGateway) => Promise<boolean>): Promise<void> {
    const gateway = new EtcdGateway({ endpoints: this.urls, tls: this.#tls, clock: systemClock });
    try {
      for (const limit = sharedNow() + READY_MS; sharedNow() < limit;) {
        if (await look(gateway)) return;
        await sleep(50);
      }
    } finally {
      gateway.close();
    }
    throw new Error("etcd does not come to it");
  }

  /** Waits until so many candidates stand. */
  async standing(count: number): Promise<void> {
    await this.#asked(async (gateway) => {
      const found = await gateway.txn({ compare: [], success: [{ do: "range", prefix: `${PREFIX}/` }] }, 1000);
      return found.outcome === "ok" && found.body.ranges[0]?.length === count;
    });
  }

  /** Lets the Go client stand in the same election: it writes the key and the name of whoever holds. */
  elect(name: string, lines: string[]): Child {
    const argv = ["etcdctl", `--endpoints=${this.urls}`, "elect", PREFIX, name];
    const onLine = (line: string): void => {
      lines.push(line);
      this.changes.changed();
    };
    return Child.start(argv, { name: "etcdctl", inside: (action) => action(), env: { ETCDCTL_API: "3" }, onLine });
  }

  /** Starts a node; the boot id is made of the name unless it is given. */
  start(identity: string, given: Partial<EtcdNodeOptions> = {}): EtcdNode {
    const options: EtcdNodeOptions = {
      identity,
      bootId: `boot-of-${identity}`,
      prefix: PREFIX,
      // The first is dead: every node has to go on to the second.
      endpoints: [`${this.#scheme}://127.0.0.1:9`, ...this.urls],
      tls: this.#tls,
      ttlMs: TTL_MS,
      retryMs: 1000,
      ...given,
    };
    const argv = [Deno.execPath(), "run", "-A", "--no-lock", NODE, JSON.stringify(options)];
    const lines: EtcdNodeLine[] = [];
    const onLine = (line: string): void => {
      lines.push(JSON.parse(line));
      this.changes.changed();
    };
    const child = Child.start(argv, { name: identity, inside: (action) => action(), onLine });
    const node = { identity, machine: options.bootId, child, lines };
    this.nodes.push(node);
    return node;
  }

  /** Waits until `node` was told something after `sinceMs`; that line. */
  told<K extends EtcdNodeLine["is"]>(
    node: EtcdNode,
    is: K,
    options: { readonly sinceMs?: number; readonly limitMs?: number } = {},
  ): Promise<Extract<EtcdNodeLine, { is: K }>> {
    const { sinceMs = 0, limitMs = READY_MS } = options;
    const wanted = (line: EtcdNodeLine): line is Extract<EtcdNodeLine, { is: K }> => line.is === is;
    const look = (): Extract<EtcdNodeLine, { is: K }> | null =>
      node.lines.filter(wanted).find((line) => line.atMs > sinceMs) ?? null;
    return this.changes.until(look, limitMs, `${is} of ${node.identity}`);
  }

  /** Waits until one of some nodes is granted something after `sinceMs`; that node and when. */
  async next(
    nodes: readonly EtcdNode[],
    sinceMs: number,
    limitMs = READY_MS,
  ): Promise<{ node: EtcdNode; atMs: number }> {
    const look = (): { node: EtcdNode; atMs: number } | null => {
      for (const node of nodes) {
        const line = node.lines.find((each) => each.is === "granted" && each.atMs > sinceMs);
        if (line !== undefined) return { node, atMs: line.atMs };
      }
      return null;
    };
    return await this.changes.until(look, limitMs, "a holder");
  }

  /** Starts three nodes, one after the other so that the first holds; all of them stand. */
  async startThree(): Promise<readonly [EtcdNode, EtcdNode, EtcdNode]> {
    const first = this.start("a");
    await this.told(first, "granted");
    const others = [this.start("b"), this.start("c")] as const;
    await this.standing(3);
    return [first, ...others];
  }

  /** Sentences about moments at which two machines might answer. */
  overlaps(): string[] {
    const holds = this.nodes.flatMap((node) => holdsOf(node).map((hold) => ({ ...hold, node })));
    return holds.flatMap((one, index) =>
      holds.slice(index + 1).filter((two) =>
        one.node.machine !== two.node.machine && one.fromMs < two.untilMs && two.fromMs < one.untilMs
      ).map((two) =>
        `${one.node.identity} ${one.fromMs}–${one.untilMs}, ${two.node.identity} ${two.fromMs}–${two.untilMs}`
      )
    );
  }

  #command({ name, url, peerUrl }: Member): string[] {
    const { caPath } = this.#tls;
    const tls = caPath === null ? [] : [
      `--trusted-ca-file=${caPath}`,
      `--cert-file=${this.#directory}/server.crt`,
      `--key-file=${this.#directory}/server.key`,
      "--client-cert-auth",
    ];
    return [
      "etcd",
      `--name=${name}`,
      `--data-dir=${this.#directory}/${name}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--initial-cluster=${this.#members.map((member) => `${member.name}=${member.peerUrl}`)}`,
      ...tls,
    ];
  }

  #logs(): string {
    return this.nodes.map(({ identity, lines, child }) =>
      `--- ${identity}\n${lines.slice(-30).map((line) => JSON.stringify(line)).join("\n")}\n${
        child.log.slice(-10).join("\n")
      }`
    ).join("\n");
  }
}

interface Hold {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The spans in which a node might answer. */
function holdsOf(node: EtcdNode): Hold[] {
  const holds: Hold[] = [];
  for (const line of node.lines) {
    const last = holds.at(-1);
    const isOn = last !== undefined && last.untilMs > line.atMs;
    if (line.is === "granted" && isOn) holds[holds.length - 1] = { ...last, untilMs: line.untilMs };
    else if (line.is === "granted") holds.push({ fromMs: line.atMs, untilMs: line.untilMs });
    else if (line.is === "revoked" && isOn) holds[holds.length - 1] = { ...last, untilMs: line.atMs };
  }
  return holds;
}

function writeCertificates(directory: string): EtcdTlsFiles {
  const authority = new Authority("etcd of a test");
  const server = authority.member("etcd", ["127.0.0.1"]);
  const client = authority.client("kube-vip");
  const files = {
    "ca.crt": authority.certificate,
    "server.crt": server.certificate,
    "server.key": server.key,
    "client.crt": client.certificate,
    "client.key": client.key,
  };
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${directory}/${name}`, text, { mode: 0o600 });
  }
  const path = (name: keyof typeof files): string => `${directory}/${name}`;
  return { caPath: path("ca.crt"), certPath: path("client.crt"), keyPath: path("client.key") };
}

/** So many, each another. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}
