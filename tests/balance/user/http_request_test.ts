import assert from "node:assert/strict";
import { HeadReader } from "../../../mod/balance/user/http_head_reader.ts";
import { CurrentRequest } from "../../../mod/balance/user/http_request.ts";
import { HttpShared } from "../../../mod/balance/user/http_shared.ts";
import { backendTargets } from "../../../mod/balance/targets.ts";
import type { RequestHead } from "../../../mod/net/http1.ts";
import { latin1Text } from "../../../mod/net/http1_fields.ts";
import { httpConfig } from "../kit.ts";
import { FakeLoop } from "./fake_flow.ts";
import { FakeBackends } from "./kit.ts";
import { FORWARDED_GET, forwardedPost, GET } from "./http_rig.ts";

const config = httpConfig([8001], { maxRequestBytes: 10 });
const [target] = backendTargets(config);

function world(text: string): { request: CurrentRequest; reader: HeadReader<RequestHead>; shared: HttpShared } {
  const loop = new FakeLoop();
  const shared = new HttpShared({ config, loop, backends: new FakeBackends([]) });
  const reader = new HeadReader<RequestHead>(shared.requestReading);
  const flow = loop.flow();
  flow.give(text);
  assert.ok(["plain", "strict"].includes(reader.read(flow, config)), text);
  const ip = "192.0.2.9";
  const request = new CurrentRequest(shared, { reader, ip });
  request.begin({ reader, ip });
  return { request, reader, shared };
}

function encoded(request: CurrentRequest, pathPrefix = ""): string | null {
  assert.ok(target !== undefined);
  const written = request.encode({ ...target, pathPrefix });
  return written === null ? null : latin1Text(written.bytes.subarray(0, written.length));
}

Deno.test("a request is encoded the same way from where it came and from where it is held", () => {
  for (const [text, expected] of [[GET, FORWARDED_GET], [GET.replace(": ", ":"), FORWARDED_GET]] as const) {
    const { request, reader, shared } = world(text);
    assert.equal(encoded(request), expected);
    request.wait();
    reader.holdRest();
    const other = new TextEncoder().encode("POST /other HTTP/1.1\r\nHost: b\r\n\r\n");
    shared.plainRequest.read(other, 0, { end: other.length, limits: config });
    shared.scratch.bytes.fill(0);
    assert.equal(encoded(request), expected, "as often as is wanted");
    assert.equal(encoded(request), expected);
  }
});

Deno.test("a backend's path goes before that of a plain request too, which cannot leave it", () => {
  const { request } = world(GET.replace("/ ", "/x?y "));
  assert.equal(encoded(request, "/app"), FORWARDED_GET.replace("/ ", "/app/x?y "));
  assert.equal(encoded(world(GET.replace("/ ", "/../x ")).request, "/app"), null);
});

Deno.test("what a request is depends on its method, its content and what it asks for", () => {
  const rows: [string, boolean, boolean][] = [
    [GET, true, false],
    [GET.replace("GET", "HEAD"), true, false],
    [GET.replace("GET", "POST"), false, false],
    [GET.replace("GET", "PUT"), true, false],
    [GET.replace("GET", "PATCH"), false, false],
    [GET.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"), false, false],
    [GET.replace("\r\n\r\n", "\r\nContent-Length: 10\r\n\r\n"), false, false],
    [GET.replace("\r\n\r\n", "\r\nContent-Length: 11\r\n\r\n"), false, true],
    [GET.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"), false, false],
    [GET.replace("\r\n\r\n", "\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), false, false],
  ];
  for (const [text, isRepeatable, isTooLong] of rows) {
    const { request } = world(text);
    assert.deepEqual([request.isRepeatable, request.isTooLong(config)], [isRepeatable, isTooLong], text);
  }
});

Deno.test("a host of any length fits", () => {
  const host = "a".repeat(7000);
  const { request } = world(
    forwardedPost("X: y", "").replace(/X-F[^]*?\r\n(?=\r\n)/, "").replace("Host: a", `Host: ${host}`),
  );
  const text = encoded(request) ?? "";
  assert.equal(text.split(host).length, 3);
  assert.ok(text.endsWith("\r\n\r\n"));
});
