import assert from "node:assert/strict";
import { Credentials } from "../../mod/kube/credentials.ts";
import { KubeConfigError } from "../../mod/kube/errors.ts";
import type { KubeAccess } from "../../mod/kube/kubeconfig.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { TestPki } from "../fakes/kube/pki.ts";
import { MemoryFiles, OPEN_ACCESS } from "./kit.ts";

const TOKEN: KubeAccess["authorization"] = { kind: "token-file", path: "/token" };

function setUp(
  files: MemoryFiles,
  access: Partial<KubeAccess>,
): { credentials: Credentials; clock: VirtualClock; stale: string[] } {
  const clock = new VirtualClock();
  const stale: string[] = [];
  const credentials = new Credentials({
    access: () => Promise.resolve({ ...OPEN_ACCESS, ...access }),
    files,
    clock,
    onStale: (cause) => void stale.push(cause),
  });
  return { credentials, clock, stale };
}

Deno.test("A token file is read again after ten seconds, not before", async () => {
  const files = new MemoryFiles({ "/token": "one\n" });
  const { credentials, clock } = setUp(files, { authorization: TOKEN });
  assert.equal((await credentials.current()).authorization, "Bearer one");
  files.content.set("/token", "two");
  clock.advance(9999);
  assert.equal((await credentials.current()).authorization, "Bearer one");
  clock.advance(1);
  const two = await credentials.current();
  assert.deepEqual([two.authorization, two.generation, two.tlsGeneration], ["Bearer two", 2, 1]);
});

Deno.test("A refusal has everything read at once, and once only for all who were refused", async () => {
  const files = new MemoryFiles({ "/token": "one" });
  const { credentials } = setUp(files, { authorization: TOKEN });
  const one = await credentials.current();
  files.content.set("/token", "two");
  const [first, second] = await Promise.all([credentials.refresh(one), credentials.refresh(one)]);
  assert.deepEqual([first.authorization, second.generation], ["Bearer two", 2]);
  const reads = files.reads;
  assert.equal((await credentials.refresh(one)).authorization, "Bearer two");
  assert.equal(files.reads, reads);
});

Deno.test("What cannot be read any more goes on being used, and is told once", async () => {
  const files = new MemoryFiles({ "/token": "one" });
  const { credentials, clock, stale } = setUp(files, { authorization: TOKEN });
  const one = await credentials.current();
  for (const text of [undefined, null, "", "two words"]) {
    if (text === undefined) files.content.delete("/token");
    else files.content.set("/token", text);
    clock.advance(10_000);
    assert.equal((await credentials.current()).generation, one.generation);
  }
  assert.deepEqual(stale, [
    'Cannot read "/token": there is no such file',
    'Cannot read "/token": PermissionDenied',
    'Cannot read token from "/token": it is empty or no token',
  ]);
});

Deno.test("What was never readable is an error, until it is", async () => {
  const files = new MemoryFiles();
  const { credentials } = setUp(files, { authorization: TOKEN });
  await assert.rejects(credentials.current(), KubeConfigError);
  files.content.set("/token", "one");
  assert.equal((await credentials.current()).authorization, "Bearer one");
});

Deno.test("A text without a certificate is no authority, and none is the well-known ones", async () => {
  const files = new MemoryFiles({ "/ca.crt": "nothing" });
  const { credentials } = setUp(files, { ca: { is: "file", path: "/ca.crt" } });
  await assert.rejects(credentials.current(), /Cannot read "\/ca.crt": it has no PEM block "CERTIFICATE"/);
  assert.deepEqual((await setUp(files, {}).credentials.current()).caCerts, []);
});

Deno.test("User name and password are sent as basic authorization", async () => {
  const { credentials } = setUp(new MemoryFiles(), {
    authorization: { kind: "basic", username: "me", password: "pässword" },
  });
  assert.equal((await credentials.current()).authorization, "Basic bWU6cMOkc3N3b3Jk");
});

Deno.test("New certificates need new connections; a half renewed pair is left alone", async () => {
  const pki = await TestPki.make();
  const [one, two] = [await pki.issue({ name: "one" }), await pki.issue({ name: "two" })];
  const files = new MemoryFiles({ "/c.crt": one.cert, "/c.key": one.key });
  const client: KubeAccess["client"] = { cert: { is: "file", path: "/c.crt" }, key: { is: "file", path: "/c.key" } };
  const { credentials, stale } = setUp(files, { client });
  const first = await credentials.current();
  assert.deepEqual([first.client, first.tlsGeneration], [{ cert: one.cert, key: one.key }, 1]);
  files.content.set("/c.crt", two.cert);
  assert.equal(await credentials.refresh(first), first);
  assert.match(stale[0] ?? "", /Cannot use "client-certificate and client-key"/);
  files.content.set("/c.key", two.key);
  const renewed = await credentials.refresh(first);
  assert.deepEqual([renewed.client, renewed.tlsGeneration], [{ cert: two.cert, key: two.key }, 2]);
  await pki.remove();
});
