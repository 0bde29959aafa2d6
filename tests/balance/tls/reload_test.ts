/** A certificate is renewed while requests come as fast as they can. */
import assert from "node:assert/strict";
import { ListenBalancer } from "../../../mod/balance/listen_balancer.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { FakeResetter, httpBackend, httpConfig, okResponse, portOf } from "../kit.ts";
import { withAuthority } from "./certificates.ts";
import { askSecure, connectSecure } from "./kit.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const CLIENTS = 4;
const RENEWALS = 5;

Deno.test("no request fails while the certificate is renewed, and kept connections go on", () =>
  withAuthority(async (authority) => {
    const names = "DNS:localhost";
    const tls = await authority.issue("front", { names });
    const backend = httpBackend(() => okResponse("hello"));
    const config = httpConfig([backend.port], { tls });
    const deps = { clock: systemClock, random: Math.random, resetter: new FakeResetter() };
    const balancer = new ListenBalancer(config, deps);
    await balancer.start();
    const port = portOf(balancer);
    const kept = await connectSecure(port, authority);
    let [isOver, requests] = [false, 0];
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!isOver) {
        const answer = await askSecure(port, authority, GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        assert.match(answer, /hello$/);
        requests++;
      }
    });
    for (let renewal = 0; renewal < RENEWALS; renewal++) {
      const seen = requests;
      await authority.issue("front", { names: `${names},DNS:renewed-${renewal}.example` });
      balancer.update(config);
      while (requests < seen + 2 * CLIENTS) await new Promise((resolve) => setTimeout(resolve, 1));
      await kept.send(GET);
      await kept.until("hello");
    }
    isOver = true;
    await Promise.all(clients);
    const shown = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [authority.ca] });
    await assert.rejects(shown.handshake(), new RegExp(`renewed-${RENEWALS - 1}\\.example`), "the last one is shown");
    shown.close();
    kept.close();
    await balancer.stop();
    await backend.close();
  }));
