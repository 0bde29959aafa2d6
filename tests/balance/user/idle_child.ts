/**
 * A balancer of the engine `user` in a process of its own, whose memory and processor time nobody else uses. Prints its port, and after
 * each line of its input how many connections it has, its resident memory in kB and the processor ticks of its threads.
 */
import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { FakeResetter, portOf, tcpConfig } from "../kit.ts";

const print = (line: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

/** Of the Workers so far; a tick is 10 ms. */
function workerTicks(): number {
  let ticks = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const [, comm = "", rest = ""] = /\((.*)\) (.*)/.exec(Deno.readTextFileSync(`/proc/self/task/${name}/stat`)) ?? [];
    const fields = rest.split(" ");
    if (comm.startsWith("worker")) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}

const threads = new UserThreads(systemClock);
const balancer = new UserBalancer(tcpConfig([Number(Deno.args[0])], { maxConnections: 10_000 }), {
  clock: systemClock,
  random: () => 0,
  resetter: new FakeResetter(),
  threads,
});
await balancer.start();
print(`${portOf(balancer)}`);
for await (const _line of Deno.stdin.readable) {
  const residentKb = Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
  print(JSON.stringify({ connections: balancer.status().connections, residentKb, ticks: workerTicks() }));
}
await balancer.stop();
await threads.close();
