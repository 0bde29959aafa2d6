import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertRefused, eventually, RawConn } from "../kit.ts";
import { LoopRig, Recorder } from "./kit.ts";

const CHILD = fileURLToPath(new URL("./acceptor_child.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

/** Lines that a process prints, as they come. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let held = "";
  for await (const bytes of stream) {
    const parts = (held + new TextDecoder().decode(bytes)).split("\n");
    held = parts.pop() ?? "";
    yield* parts;
  }
}

Deno.test("without descriptors it waits and goes on when there are some, and the others are served meanwhile", async () => {
  const command = `ulimit -n 48; exec "$0" run -A --no-check --config "$1" "$2"`;
  const child = new Deno.Command("bash", {
    args: ["-c", command, Deno.execPath(), CONFIG, CHILD],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const printed = lines(child.stdout);
  const port = Number((await printed.next()).value?.split(" ")[1]);
  const echo = async (client: RawConn): Promise<string> => {
    await client.send("x");
    return await client.exactly(1);
  };
  const clients: RawConn[] = [];
  for (let n = 0; n < 60; n++) clients.push(await RawConn.connect(port));
  assert.equal((await printed.next()).value, "EMFILE");
  const [first] = clients;
  assert.ok(first !== undefined);
  assert.equal(await echo(first), "x", "who was accepted is served");
  const last = clients.pop();
  assert.ok(last !== undefined);
  const answered = echo(last);
  for (const client of clients) client.close();
  assert.equal(await answered, "x", "who had to wait is served after others have gone");
  last.close();
  child.kill("SIGKILL");
  await printed.return(undefined);
  await child.status;
});

Deno.test("there are no more connections than places, and each that gets free is taken", async () => {
  const rig = new LoopRig();
  rig.max = 2;
  const clients = [await RawConn.connect(rig.port), await RawConn.connect(rig.port), await RawConn.connect(rig.port)];
  await eventually(() => rig.fulls === 1, "it is said that there is no place");
  await rig.pause(60);
  assert.equal(rig.flows.length, 2);
  assert.equal(rig.fulls, 1, "once");
  rig.flows[0]?.close();
  await eventually(() => rig.flows.length === 3, "the third is taken");
  for (const client of clients) client.close();
  rig.close();
});

Deno.test("a hundred connections at once are all accepted", async () => {
  const rig = new LoopRig();
  const clients = await Promise.all(Array.from({ length: 100 }, () => RawConn.connect(rig.port)));
  await eventually(() => rig.flows.length === 100, "all are accepted");
  for (const client of clients) client.close();
  rig.close();
});

Deno.test("after it is closed nothing is accepted", async () => {
  const rig = new LoopRig();
  rig.acceptor.close();
  rig.acceptor.close();
  await assertRefused(rig.port);
  const owner = new Recorder(rig.loop);
  assert.deepEqual(owner.events, []);
  rig.close();
});

Deno.test("one who cannot be taken over is reset, and the others are accepted", async () => {
  const rig = new LoopRig();
  let count = 0;
  rig.onAccepted = (flow) => {
    if (++count === 1) throw new Error("a fault");
    rig.flows.push(flow);
  };
  // Who is reset at once may not even see that the connection stood.
  const clients = await Promise.allSettled(Array.from({ length: 5 }, () => RawConn.connect(rig.port)));
  await eventually(() => rig.flows.length === 4, "the others are accepted");
  assert.equal(rig.faults.length, 1);
  assert.equal(rig.open, 4);
  for (const client of clients) if (client.status === "fulfilled") client.value.close();
  rig.close();
});
