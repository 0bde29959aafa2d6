/** How a client's connection ended: an engine whose connections are not its own tells its resetter, another one sends RST itself. */
import type { Balancer } from "../../mod/balance/balancer.ts";
import { type FakeResetter, portOf, RawConn } from "../balance/kit.ts";

/** What a client got before the end, and whether the end was a reset. */
export interface Ended {
  readonly text: string;
  readonly isReset: boolean;
}

/** What to ask, and what to do when a part of the answer has come. */
export interface Asked {
  readonly request: string;
  readonly onPart?: (text: string, client: RawConn) => void;
}

/** Sends a request and reads until the connection ends. */
export async function askToTheEnd(balancer: Balancer, resetter: FakeResetter, asked: Asked): Promise<Ended> {
  const { request, onPart = (): void => {} } = asked;
  const resetsBefore = resetter.one.length;
  const client = await RawConn.connect(portOf(balancer));
  let text = "";
  try {
    await client.send(request);
    for (;;) {
      const more = await client.read();
      if (more === null) return { text, isReset: resetter.one.length > resetsBefore };
      text += more;
      onPart(text, client);
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return { text, isReset: true };
    throw error;
  } finally {
    client.close();
  }
}
