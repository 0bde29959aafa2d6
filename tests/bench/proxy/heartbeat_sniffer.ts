/**
 * Writes down the heartbeats of one node, a process of its own on the switch: `heartbeat_sniffer.ts <port of the switch> <node's
 * address> <cluster id>`. The times are the kernel's own, taken when the frame passed: that this process is late does not matter. Writes
 * "listening", then `b <receiver> <at ms>` for each; ends when its standard input does.
 */

import { sysCall } from "../../../mod/linux/errno.ts";
import { libc } from "../../../mod/linux/libc.ts";
import { RouteSocket } from "../../../mod/linux/rtnetlink.ts";
import { attachFilter, bindSocket, Family, linkAddress, openSocket, SocketType } from "../../../mod/linux/socket.ts";
import { deriveKeys, type PeerKeys } from "../../../mod/election/raft/frame.ts";
import { encodeBpf } from "../../../mod/net/bpf.ts";
import { ip, PEER_PORT } from "../../lab/plan.ts";
import { beatReceiver, senderFilter } from "./beats.ts";
import { POLLIN, PollSet, receive, say } from "./raw.ts";

/** ETH_P_ALL: a bridge takes frames before sockets of one protocol see them. */
const EVERYTHING = 3;
/** When the packet that was received last arrived, as struct timespec (linux/sockios.h). */
const SIOCGSTAMPNS = 0x8907n;
const STDIN = 0;

function open(device: string, sender: string): number {
  const routes = new RouteSocket();
  const link = routes.linkByName(device);
  routes.close();
  if (link === null) throw new Error(`the switch has no ${device}`);
  const fd = openSocket(Family.PACKET, SocketType.RAW, 0);
  attachFilter(fd, encodeBpf(senderFilter(ip(sender).bytes, PEER_PORT)));
  bindSocket(fd, linkAddress(link.index, EVERYTHING), device);
  return fd;
}

function arrivedMs(fd: number): number {
  const stamp = new BigInt64Array(2);
  sysCall("read time stamp", libc.ioctl(fd, SIOCGSTAMPNS, new Uint8Array(stamp.buffer)));
  return Number(stamp[0]) * 1000 + Number(stamp[1]) / 1e6;
}

function drain(fd: number, buffer: Uint8Array<ArrayBuffer>, keys: PeerKeys): void {
  for (let got = receive(fd, buffer); got !== null && got > 0; got = receive(fd, buffer)) {
    const receiver = beatReceiver(buffer.subarray(0, got), keys);
    if (receiver !== null) say(`b ${receiver} ${arrivedMs(fd).toFixed(3)}`);
  }
}

if (import.meta.main) {
  const [device = "", sender = "", clusterId = ""] = Deno.args;
  const fd = open(device, sender);
  const keys = deriveKeys(null, clusterId);
  const poll = new PollSet(2);
  poll.watch(0, STDIN, POLLIN);
  poll.watch(1, fd, POLLIN);
  const buffer = new Uint8Array(2048);
  say("listening");
  while (!poll.isReady(0)) {
    poll.wait(1000);
    drain(fd, buffer, keys);
  }
  Deno.exit(0);
}
