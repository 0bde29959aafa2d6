import assert from "node:assert/strict";
import { ProxyFront } from "../../../mod/balance/user/proxy_front.ts";
import { encodeProxyHeader, MAX_PROXY_HEADER } from "../../../mod/net/proxy_protocol.ts";
import { eventually, RawConn } from "../kit.ts";
import { LoopRig, Recorder } from "./kit.ts";

const ENDS = { source: { ip: "192.0.2.7", port: 1234 }, target: { ip: "198.51.100.1", port: 443 } };

interface Scene {
  readonly rig: LoopRig;
  readonly owner: Recorder;
  readonly client: RawConn;
}

/** A client whose connection goes to `owner` once its header is complete. */
async function withFront(body: (scene: Scene) => Promise<void>): Promise<void> {
  const rig = new LoopRig();
  const owner = new Recorder(rig.loop);
  let ended = 0;
  rig.onAccepted = (flow) =>
    void new ProxyFront(flow, {
      onAccepted: (named) => {
        named.owner = owner;
        owner.events.push(`accepted ${named.source.ip} to ${named.target.ip}`);
        rig.flows.push(named);
      },
      onEnded: () => ended++,
    });
  const client = await RawConn.connect(rig.port);
  try {
    await body({ rig, owner, client });
    await eventually(() => ended > 0, "it has nothing to do with the connection any more");
    assert.equal(ended, 1, "which is told once");
    assert.deepEqual(rig.faults, []);
  } finally {
    client.close();
    rig.close();
  }
}

for (const version of ["v1", "v2"] as const) {
  Deno.test(`the header of ${version} is taken off, whatever pieces it comes in`, () =>
    withFront(async ({ owner, client }) => {
      const header = encodeProxyHeader(version, ENDS);
      for (const byte of header.subarray(0, -1)) {
        await client.sendBytes(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      assert.deepEqual(owner.events, []);
      await client.sendBytes(new Uint8Array([...header.subarray(-1), ...new TextEncoder().encode("hello")]));
      await eventually(() => owner.received === "hello", "what comes after it is there");
      assert.deepEqual(owner.events, ["accepted 192.0.2.7 to 198.51.100.1"]);
    }));
}

Deno.test("one that names nobody leaves the connection's own ends", () =>
  withFront(async ({ owner, client, rig }) => {
    await client.send("PROXY UNKNOWN\r\nhi");
    await eventually(() => owner.received === "hi", "it is passed on");
    assert.deepEqual(owner.events, ["accepted 127.0.0.1 to 127.0.0.1"]);
    assert.equal(rig.flows[0]?.source.port, client.tcp.localAddr.port);
  }));

Deno.test("without a header, or with half of one, a client is reset", async () => {
  for (const text of ["GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 1.2.3.4\r\n", "P"]) {
    await withFront(async ({ owner, client, rig }) => {
      await client.send(text);
      if (text === "P") await client.tcp.closeWrite();
      await eventually(() => rig.open === 0, "it has gone");
      assert.deepEqual(owner.events, []);
    });
  }
});

Deno.test("a header that is longer than anybody needs is refused", () =>
  withFront(async ({ owner, client, rig }) => {
    const header = encodeProxyHeader("v2", ENDS);
    header[14] = 0xff;
    await client.sendBytes(new Uint8Array([...header, ...new Uint8Array(MAX_PROXY_HEADER)])).catch(() => {});
    await eventually(() => rig.open === 0, "it has gone");
    assert.deepEqual(owner.events, []);
  }));
