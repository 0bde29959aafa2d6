/**
 * How long the kernel remembers a balanced connection without packets, whatever the machine's own settings are. Pure.
 *
 * A connection that the kernel forgets is reset with its next packet, which neither end sees coming, so one that stands is kept as long as
 * Linux does by itself: machines that track much are often set to minutes. What `idleTimeout` asks for the kernel cannot do: it forgets a
 * connection and tells nobody.
 */
import type { TimeLimits } from "../../net/netlink/nft_time_limits.ts";

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3600;

/** For each protocol. */
export const TIME_LIMITS: readonly TimeLimits[] = [
  {
    protocol: "tcp",
    seconds: {
      established: 5 * DAY_SECONDS,
      // One end has said that it sends no more, the other may take its time for an answer; Linux would forget it after one minute.
      closeWait: HOUR_SECONDS,
      // As long as a backend remembers the connection (TCP_TIMEWAIT_LEN), and no client should get its port; Linux takes twice that.
      timeWait: 60,
    },
  },
  { protocol: "udp", seconds: { unanswered: 30, answered: 180 } },
];

/** The name of the object in the table. */
export function limitsName({ protocol }: Pick<TimeLimits, "protocol">, version: 4 | 6): string {
  return `limits-${protocol}${version}`;
}
