import assert from "node:assert/strict";
import { HttpService } from "../../../mod/balance/user/http_service.ts";
import { makeService } from "../../../mod/balance/user/services.ts";
import { TcpService } from "../../../mod/balance/user/tcp_service.ts";
import { httpConfig, tcpConfig } from "../kit.ts";
import { contextOf, FakeBackends, LoopRig } from "./kit.ts";

Deno.test("each kind of balancer has its service; datagrams have none", () => {
  const rig = new LoopRig();
  const backends = new FakeBackends([]);
  assert.ok(makeService(contextOf(rig, tcpConfig([]), backends)) instanceof TcpService);
  assert.ok(makeService(contextOf(rig, httpConfig([]), backends)) instanceof HttpService);
  const udp = { ...tcpConfig([]), type: "udp" } as const;
  assert.throws(() => makeService(contextOf(rig, udp, backends)), /datagrams/);
  rig.close();
});
