/** Serves connections with few descriptors: the process of its own that the test of the acceptor needs. Prints what happens. */
import { errnoName } from "../../../mod/linux/errno.ts";
import { LoopRig, Recorder } from "./kit.ts";

const rig = new LoopRig();
const print = (line: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
rig.onAccepted = (flow) => {
  const owner = new Recorder(rig.loop);
  flow.owner = owner;
  owner.onReadable = () => {
    const got = flow.receive(rig.loop.scratch);
    if (got > 0) flow.send(rig.loop.scratch, got);
    else if (got === -1) flow.close();
  };
};
print(`port ${rig.port}`);
let told = 0;
setInterval(() => {
  for (const errno of rig.errors.slice(told)) print(errnoName(errno));
  told = rig.errors.length;
}, 10);
