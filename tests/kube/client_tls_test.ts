import assert from "node:assert/strict";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { KubeRequest } from "../../mod/kube/api.ts";
import type { KubeAccess } from "../../mod/kube/kubeconfig.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { TestPki } from "../fakes/kube/pki.ts";
import { clientOf, MemoryFiles, NODES } from "./kit.ts";

const GET: KubeRequest = { method: "GET", path: NODES, limitMs: 5000 };
const CA: Partial<KubeAccess> = { ca: { is: "file", path: "/ca.crt" } };

Deno.test("A server is believed by the cluster's authority and an address in its certificate", async () => {
  const pki = await TestPki.make();
  const api = FakeApiServer.start({ tls: await pki.issue({ name: "kube-apiserver", san: "IP:127.0.0.1" }) });
  const client = clientOf(api.url, { access: CA, files: new MemoryFiles({ "/ca.crt": pki.caCert }) });
  assert.equal((await client.request(GET)).outcome, "ok");
  const elsewhere = client.at(`https://localhost:${api.port}`);
  const wrongName = await elsewhere.request(GET);
  assert.ok(wrongName.outcome === "unreachable");
  assert.match(wrongName.cause, /certificate not valid for name "localhost"/);
  client.close();
  elsewhere.close();
  await api.stop();
  await pki.remove();
});

Deno.test("A server of another authority is not talked to", async () => {
  const [ours, theirs] = await Promise.all([TestPki.make(), TestPki.make()]);
  const api = FakeApiServer.start({ tls: await theirs.issue({ name: "kube-apiserver", san: "IP:127.0.0.1" }) });
  const client = clientOf(api.url, { access: CA, files: new MemoryFiles({ "/ca.crt": ours.caCert }) });
  const answer = await client.request(GET);
  assert.ok(answer.outcome === "unreachable");
  assert.match(answer.cause, /invalid peer certificate/);
  assert.equal(api.requests.length, 0);
  client.close();
  await api.stop();
  await Promise.all([ours.remove(), theirs.remove()]);
});

Deno.test("A new authority in the file is used as soon as the old one does not fit", async () => {
  const [old, renewed] = await Promise.all([TestPki.make(), TestPki.make()]);
  const api = FakeApiServer.start({ tls: await renewed.issue({ name: "kube-apiserver", san: "IP:127.0.0.1" }) });
  const files = new MemoryFiles({ "/ca.crt": old.caCert });
  const client = clientOf(api.url, { access: CA, files });
  assert.equal((await client.request(GET)).outcome, "unreachable");
  files.content.set("/ca.crt", renewed.caCert);
  assert.equal((await client.request(GET)).outcome, "ok");
  client.close();
  await api.stop();
  await Promise.all([old.remove(), renewed.remove()]);
});

interface Strict {
  readonly url: string;
  readonly subjects: string[];
  close(): Promise<void>;
}

/** A server that insists on a client certificate of `clients`, and answers `{}`. */
async function strictServer(pki: TestPki, clients: TestPki): Promise<Strict> {
  const { cert, key } = await pki.issue({ name: "kube-apiserver", san: "IP:127.0.0.1" });
  const subjects: string[] = [];
  const server = https.createServer(
    { cert, key, ca: clients.caCert, requestCert: true, rejectUnauthorized: true },
    (_request, response) => response.writeHead(200, { "content-type": "application/json" }).end("{}"),
  );
  server.on("secureConnection", (socket) => void subjects.push(String(socket.getPeerCertificate().subject.CN)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { url: `https://127.0.0.1:${port}`, subjects, close };
}

Deno.test("A client certificate is shown, and a renewed one is taken when the old is refused", async () => {
  const [pki, retired] = await Promise.all([TestPki.make(), TestPki.make()]);
  const server = await strictServer(pki, pki);
  const [old, renewed] = [await retired.issue({ name: "old" }), await pki.issue({ name: "renewed" })];
  const files = new MemoryFiles({ "/ca.crt": pki.caCert, "/c.crt": old.cert, "/c.key": old.key });
  const client = clientOf(server.url, {
    access: { ...CA, client: { cert: { is: "file", path: "/c.crt" }, key: { is: "file", path: "/c.key" } } },
    files,
  });
  assert.equal((await client.request(GET)).outcome, "unreachable");
  // Half of the renewal is no reason to end, nor to use half of it.
  files.content.set("/c.crt", renewed.cert);
  assert.equal((await client.request(GET)).outcome, "unreachable");
  files.content.set("/c.key", renewed.key);
  assert.equal((await client.request(GET)).outcome, "ok");
  assert.equal(server.subjects.at(-1), "renewed");
  client.close();
  await server.close();
  await Promise.all([pki.remove(), retired.remove()]);
});
