/** Asks a server on loopback while the environment names a proxy, and prints what came of it, and the proxy as it is afterwards. */
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { clientOf, NODES } from "./kit.ts";

const api = FakeApiServer.start();
const client = clientOf(api.url);
const { outcome } = await client.request({ method: "GET", path: NODES, limitMs: 5000 });
client.close();
await api.stop();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify([outcome, Deno.env.get("http_proxy")])));
