import { type ControlHandlers, ControlServer } from "../../mod/agent/control.ts";
import { CLUSTER } from "./status_fixture.ts";

/** Runs `act` beside an agent's control socket in a state directory of its own. */
export async function withAgent(
  handlers: Partial<ControlHandlers>,
  act: (stateDir: string) => Promise<void>,
): Promise<void> {
  const stateDir = await Deno.makeTempDir();
  const server = await ControlServer.start(`${stateDir}/control.sock`, {
    status: () => Promise.resolve(CLUSTER),
    transfer: (to) => Promise.resolve({ outcome: "transferred", to: to ?? "best" }),
    ...handlers,
  });
  try {
    await act(stateDir);
  } finally {
    await server.stop();
    await Deno.remove(stateDir, { recursive: true });
  }
}
