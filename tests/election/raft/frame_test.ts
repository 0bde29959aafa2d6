import assert from "node:assert/strict";
import { deriveKeys, encodeFrame, MAX_PAYLOAD_BYTES, readFrame } from "../../../mod/election/raft/frame.ts";
import type { Content } from "../../../mod/election/raft/frame.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

const KEYS = deriveKeys("s3cret", "test");
const ENVELOPE = { from: "a", to: "bb", senderSession: 1n, receiverSession: 2n ** 64n - 1n, sequence: 258 };
const HEAD = "4b565001";
const ADDRESSED = "0161" + "026262" + "0000000000000001" + "ffffffffffffffff" + "0000000000000102";
const NONCE = Uint8Array.from({ length: 16 }, (_, i) => i);
const ECHO = new Uint8Array(16).fill(255);

const TABLE: readonly [content: Content, kind: string, body: string][] = [
  [{ kind: "hello", nonce: NONCE }, "00", NONCE.toHex()],
  [{ kind: "welcome", echo: ECHO, nonce: NONCE }, "01", ECHO.toHex() + NONCE.toHex()],
  [{ kind: "confirm", echo: ECHO }, "02", ECHO.toHex()],
  [{ kind: "data", payload: Uint8Array.of(1, 2, 3) }, "03", "010203"],
  [{ kind: "data", payload: new Uint8Array() }, "03", ""],
];

Deno.test("a datagram is its fields in order and half an HMAC-SHA256, in both directions", async () => {
  const key = await crypto.subtle.importKey(
    "raw",
    Uint8Array.from(KEYS.mac),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  for (const [content, kind, body] of TABLE) {
    const signed = Uint8Array.fromHex(HEAD + kind + KEYS.cluster.toHex() + ADDRESSED + body);
    const code = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)).subarray(0, 16);
    const datagram = encodeFrame(KEYS, ENVELOPE, { content });
    assert.equal(datagram.toHex(), signed.toHex() + code.toHex(), content.kind);
    assert.deepEqual(readFrame(KEYS, datagram), { outcome: "read", genuine: true, envelope: ENVELOPE, content });
  }
});

Deno.test("keys depend on the secret and on the cluster, and no secret is the empty one", () => {
  const codes = [["s3cret", "test"], ["other", "test"], ["s3cret", "test2"], [null, "test"]] as const;
  const keys = codes.map(([secret, cluster]) => deriveKeys(secret, cluster));
  assert.equal(new Set(keys.map((each) => each.mac.toHex())).size, 4);
  assert.equal(new Set(keys.map((each) => each.cluster.toHex())).size, 2);
  assert.deepEqual(deriveKeys("", "test"), deriveKeys(null, "test"));
});

const REJECTED: readonly [hex: string, outcome: string][] = [
  ["", "malformed"],
  ["00".repeat(15), "malformed"],
  ["00".repeat(100), "malformed"],
  ["4b565002" + "03" + KEYS.cluster.toHex() + ADDRESSED + "00".repeat(16), "malformed"],
  [HEAD + "04" + KEYS.cluster.toHex() + ADDRESSED + "00".repeat(16), "malformed"],
  [HEAD + "03" + "00".repeat(8) + ADDRESSED + "00".repeat(16), "wrong-cluster"],
  [HEAD + "00" + KEYS.cluster.toHex() + ADDRESSED + "00".repeat(15) + "00".repeat(16), "malformed"],
  [HEAD + "00" + KEYS.cluster.toHex() + ADDRESSED + "00".repeat(17) + "00".repeat(16), "malformed"],
  [
    HEAD + "03" + KEYS.cluster.toHex() + ADDRESSED.replace("0000000000000001", "0".repeat(16)) + "00".repeat(16),
    "malformed",
  ],
  [
    HEAD + "03" + KEYS.cluster.toHex() + ADDRESSED.replace("0000000000000102", "0020000000000000") + "00".repeat(16),
    "malformed",
  ],
  [HEAD + "03" + KEYS.cluster.toHex() + ADDRESSED + "00".repeat(MAX_PAYLOAD_BYTES + 1 + 16), "malformed"],
];

Deno.test("datagrams that are none are refused by kind of fault", () => {
  for (const [hex, outcome] of REJECTED) {
    assert.equal(readFrame(KEYS, Uint8Array.fromHex(hex)).outcome, outcome, hex.slice(0, 200));
  }
});

Deno.test("no truncated or altered datagram is genuine, and none throws", () => {
  const seed = seedFromEnv(8);
  const random = seededRandom(seed);
  for (const [content] of TABLE) {
    const datagram = encodeFrame(KEYS, ENVELOPE, { content });
    for (let length = 0; length < datagram.length; length++) {
      const read = readFrame(KEYS, datagram.subarray(0, length));
      assert(read.outcome !== "read" || !read.genuine, `${content.kind} cut to ${length}`);
    }
    for (let at = 0; at < datagram.length; at++) {
      const altered = datagram.with(at, (datagram[at] ?? 0) ^ (1 << Math.floor(random() * 8)));
      const read = readFrame(KEYS, altered);
      assert(read.outcome !== "read" || !read.genuine, `${content.kind} altered at ${at}, seed ${seed}`);
    }
  }
});

Deno.test("a payload that is too large is its maker's mistake", () => {
  const content = { kind: "data", payload: new Uint8Array(MAX_PAYLOAD_BYTES + 1) } as const;
  assert.throws(() => encodeFrame(KEYS, ENVELOPE, { content }), /60002 bytes/);
  const longest = { ...ENVELOPE, from: "x".repeat(255), to: "y".repeat(255) };
  const whole = { kind: "data", payload: new Uint8Array(MAX_PAYLOAD_BYTES) } as const;
  assert(encodeFrame(KEYS, longest, { content: whole }).length <= 65_507);
});
