import assert from "node:assert/strict";
import { withAuthority } from "./certificates.ts";

/** Connects without a file of issuers, in a process of its own: the runtime asks for its stores once. */
const PROGRAM = `
import { trustSystem } from ${JSON.stringify(import.meta.resolve("../../../mod/balance/tls/system_trust.ts"))};
if (Deno.args[0] === "trust") trustSystem();
const [cert, key] = [Deno.readTextFileSync("front.pem"), Deno.readTextFileSync("front.key")];
const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
const [client, server] = await Promise.all([Deno.connectTls({ hostname: "localhost", port: listener.addr.port }), listener.accept()]);
const served = server.handshake().catch(() => {});
console.log(await client.handshake().then(() => "trusted", (error) => error.message));
await served;
Deno.exit(0);
`;

Deno.test("an issuer that the machine trusts is trusted, unless the environment says otherwise", () =>
  withAuthority(async (authority) => {
    await authority.issue("front", { names: "DNS:localhost" });
    await Deno.writeTextFile(`${authority.dir}/program.js`, PROGRAM);
    const rows: [string, Record<string, string>, RegExp][] = [
      ["trust", {}, /^trusted\n$/],
      ["trust", { DENO_TLS_CA_STORE: "mozilla" }, /UnknownIssuer/],
      ["leave", {}, /UnknownIssuer/],
    ];
    for (const [arg, env, expected] of rows) {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-config", "--no-check", "program.js", arg],
        cwd: authority.dir,
        clearEnv: true,
        env: { ...env, SSL_CERT_FILE: authority.caFile, NO_COLOR: "1", HOME: authority.dir },
      });
      const { stdout, stderr } = await command.output();
      assert.match(
        new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
        expected,
        `${arg} ${JSON.stringify(env)}`,
      );
    }
  }));
