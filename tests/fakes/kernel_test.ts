import { kernelContract } from "../contracts/kernel.ts";
import { VirtualClock } from "./clock.ts";
import { FakeKernel } from "./kernel.ts";

kernelContract("kernel in memory", () => {
  const clock = new VirtualClock();
  const kernel = new FakeKernel(clock);
  return {
    book: kernel,
    permission: kernel,
    linkIndex: 2,
    answers: (ip) => Promise.resolve(kernel.answers(ip)),
    now: () => clock.now(),
    wait: (ms) => Promise.resolve(clock.advance(ms)),
    flushRules: () => kernel.flushGuard(),
    close: () => {},
  };
});
