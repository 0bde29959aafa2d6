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
  "mod/balance/pool.ts",
  "mod/balance/slots.ts",
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
  "mod/vip/address.ts",
  "mod/vip/announcement.ts",
  "mod/vip/claim.ts",
  "mod/vip/conflict.ts",
  "mod/vip/guard.ts",
  "mod/vip/sighting.ts",
];
