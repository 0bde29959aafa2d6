/** An http service on a loop without a kernel. */
import assert from "node:assert/strict";
import { HttpService } from "../../../mod/balance/user/http_service.ts";
import type { HttpBalancerConfig } from "../../../mod/config/types.ts";
import { httpConfig } from "../kit.ts";
import { type FakeFlow, FakeLoop } from "./fake_flow.ts";
import { destination, FakeBackends } from "./kit.ts";

/** Times that tests reckon with. */
export const TIMES = {
  connectTimeoutMs: 200,
  headTimeoutMs: 300,
  responseTimeoutMs: 400,
  idleTimeoutMs: 500,
} as const;

export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** What the backend gets of {@link GET}. */
export const FORWARDED_GET =
  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n\r\n";
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/** What the backend gets of a POST with this framing field and content. */
export function forwardedPost(framing: string, rest: string): string {
  const forwarded = "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n";
  return `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n${forwarded}\r\n${rest}`;
}

/** The status line's number, and whether the connection goes on. */
export function statusOf(answer: string): string {
  const status = /^HTTP\/1\.1 (\d+) /.exec(answer)?.[1] ?? answer;
  return answer.includes("\r\nConnection: close\r\n") ? `${status} close` : status;
}

/** A service with this many backends. */
export class HttpRig {
  readonly loop: FakeLoop;
  readonly backends: FakeBackends;
  readonly service: HttpService;

  constructor(
    changes: Partial<HttpBalancerConfig> = {},
    options: { readonly count?: number; readonly scratchBytes?: number } = {},
  ) {
    const { count = 1, scratchBytes } = options;
    const ports = Array.from({ length: count }, (_unused, index) => 8001 + index);
    this.loop = new FakeLoop(scratchBytes);
    this.backends = new FakeBackends(ports.map((port) => destination(port)));
    const config = httpConfig(ports, { ...TIMES, ...changes });
    this.service = new HttpService({ config, loop: this.loop, backends: this.backends });
  }

  /** A client has come. */
  client(): FakeFlow {
    const flow = this.loop.flow();
    this.service.accepted(flow);
    return flow;
  }

  /** A connection to a backend was begun and stands; how many there were must be right. */
  opened(count: number): FakeFlow {
    assert.equal(this.loop.outgoing.length, count, "connections begun");
    const { latest } = this.loop;
    latest.open();
    return latest;
  }

  /** A client whose first request was answered, and the backend's connection, which is kept. */
  served(): { client: FakeFlow; backend: FakeFlow } {
    const client = this.client();
    client.give(GET);
    const backend = this.opened(this.loop.outgoing.length);
    backend.give(OK);
    assert.equal(client.take(), OK);
    assert.equal(backend.take(), FORWARDED_GET);
    assert.ok(!client.isClosed && !backend.isClosed);
    return { client, backend };
  }

  /** Nothing is left that counts. */
  assertSettled(): void {
    assert.deepEqual(this.backends.connections.filter((count) => count !== 0), [], "requests in flight");
  }
}
