/** Where everything belongs: the rings, the rooms, the limits. */

/** Longest function and longest file, tests included. */
export const MAX_FUNCTION_LINES = 70;
export const MAX_FILE_LINES = 500;

/** Rooms of the innermost ring: no clock, no timer, no chance, no input or output, nothing asynchronous. */
export const PURE_FOLDERS = ["mod/base/", "mod/net/", "mod/config/", "mod/manifest/"] as const;

/** The room that calls the C library. */
export const LINUX_FOLDER = "mod/linux/";

/** The room that knows the real clock. */
export const RUNTIME_FOLDER = "mod/runtime/";

/** Rooms that only the ones listed, and `main.ts`, may import: the outside of the program. */
export const OUTERMOST: Readonly<Record<string, readonly string[]>> = {
  "mod/agent/": ["mod/agent/", "mod/cli/"],
  "mod/cli/": ["mod/cli/"],
};

/** Files that are as pure as a pure room although their room also has drivers. */
export const PURE_FILES: readonly string[] = [
  "mod/agent/announced_holds.ts",
  "mod/agent/bgp_config.ts",
  "mod/agent/diagnosis.ts",
  "mod/agent/reload_plan.ts",
  "mod/balance/front.ts",
  "mod/balance/pool.ts",
  "mod/balance/slots.ts",
  "mod/bfd/session.ts",
  "mod/bgp/announced.ts",
  "mod/bgp/bfd_path.ts",
  "mod/bgp/collision.ts",
  "mod/bgp/fsm.ts",
  "mod/bgp/fsm_types.ts",
  "mod/bgp/identity.ts",
  "mod/bgp/incoming_peer.ts",
  "mod/bgp/negotiation.ts",
  "mod/bgp/next_hop.ts",
  "mod/bgp/paths.ts",
  "mod/bgp/peer_changes.ts",
  "mod/bgp/retry_plan.ts",
  "mod/bgp/rib_out.ts",
  "mod/bgp/send_queue.ts",
  "mod/bgp/send_watch.ts",
  "mod/bgp/socket_settings.ts",
  "mod/bgp/timers.ts",
  "mod/bgp/troubles.ts",
  "mod/election/etcd/core.ts",
  "mod/election/etcd/endpoints.ts",
  "mod/election/etcd/json.ts",
  "mod/election/etcd/queue.ts",
  "mod/election/etcd/times.ts",
  "mod/election/etcd/types.ts",
  "mod/election/grant_feed.ts",
  "mod/election/hold_down.ts",
  "mod/election/lease/core.ts",
  "mod/election/lease/fenced_sink.ts",
  "mod/election/lease/making_way.ts",
  "mod/election/lease/own_writes.ts",
  "mod/election/lease/reach.ts",
  "mod/election/lease/record.ts",
  "mod/election/lease/release.ts",
  "mod/election/lease/sight.ts",
  "mod/election/lease/times.ts",
  "mod/election/raft/bytes.ts",
  "mod/election/raft/campaign.ts",
  "mod/election/raft/core.ts",
  "mod/election/raft/crc32.ts",
  "mod/election/raft/following.ts",
  "mod/election/raft/grants.ts",
  "mod/election/raft/handover.ts",
  "mod/election/raft/joining.ts",
  "mod/election/raft/journal.ts",
  "mod/election/raft/leader.ts",
  "mod/election/raft/lease.ts",
  "mod/election/raft/ledger.ts",
  "mod/election/raft/log.ts",
  "mod/election/raft/outbox.ts",
  "mod/election/raft/progress.ts",
  "mod/election/raft/quorum.ts",
  "mod/election/raft/replay_window.ts",
  "mod/election/raft/support.ts",
  "mod/election/raft/types.ts",
  "mod/election/raft/wire.ts",
  "mod/election/shared_scope.ts",
  "mod/health/slices.ts",
  "mod/health/threshold.ts",
  "mod/kube/address_lease.ts",
  "mod/kube/backoff.ts",
  "mod/kube/errors.ts",
  "mod/kube/lease_object.ts",
  "mod/kube/lines.ts",
  "mod/kube/objects.ts",
  "mod/kube/reflector.ts",
  "mod/kube/san.ts",
  "mod/kube/server_address.ts",
  "mod/names/choice.ts",
  "mod/observe/dump.ts",
  "mod/observe/dump_routing.ts",
  "mod/routes/owners.ts",
  "mod/routes/table_plan.ts",
  "mod/vip/address.ts",
  "mod/vip/announcement.ts",
  "mod/vip/claim.ts",
  "mod/vip/conflict.ts",
  "mod/vip/guard.ts",
  "mod/vip/placing.ts",
  "mod/vip/probes.ts",
  "mod/vip/sighting.ts",
  "mod/vip/takeover.ts",
];
