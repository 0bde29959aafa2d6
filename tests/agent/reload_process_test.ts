/** The real program, real connections: a configuration that changes by signal, or by itself, disturbs nobody. */
import assert from "node:assert/strict";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { readSysctl, writeSysctl } from "../../mod/linux/sysctl.ts";
import { ForwardingKey } from "../../mod/linux/sysctl_keeper.ts";
import { assertRefused, Backend, deadPort, eventually, httpBackend, okResponse, RawConn } from "../balance/kit.ts";
import { echo, greeting, named } from "../contracts/balancer_kit.ts";
import { insideNamespace } from "../balance/kernel/kit.ts";
import { privileged } from "../fakes/privileges.ts";
import { Asking, Program } from "./reload_kit.ts";

const CLIENTS = 6;

/** An http server that says its name. */
function web(name: string): Backend {
  return httpBackend(() => okResponse(name));
}

interface Balancing {
  readonly name: string;
  readonly type: string;
  readonly port: number;
  readonly engine: Engine;
  readonly drain: string;
  readonly backends: unknown[];
}

type Engine = "listen" | "user";

function http(port: number, backends: Record<string, number>, engine: Engine = "listen"): Balancing {
  const list = Object.entries(backends).map(([at, weight]) => ({ url: `http://127.0.0.1:${at}`, weight }));
  return { name: "web", type: "http", engine, port, drain: "30s", backends: list };
}

function tcp(name: string, port: number, { to, engine = "listen" }: { to: number; engine?: Engine }): Balancing {
  return { name, type: "tcp", engine, port, drain: "30s", backends: [`127.0.0.1:${to}`] };
}

function share(answers: readonly string[], name: string): number {
  return answers.filter((one) => one === name).length / answers.length;
}

/** Every kind of change, one after the other, to a program with these balancers. */
async function changeEverything(engine: Engine): Promise<void> {
  const [a, b, plain, other] = [web("a"), web("b"), named("plain"), named("other")];
  const [webPort, tcpPort, newPort] = [deadPort(), deadPort(), deadPort()];
  const webTo = (backends: Record<string, number>): Balancing => http(webPort, backends, engine);
  const plainly = tcp("plain", tcpPort, { to: plain.port, engine });
  await Program.with({ loadBalancers: [webTo({ [a.port]: 1 }), plainly] }, async (program) => {
    const asking = new Asking(webPort, CLIENTS);
    const held = await RawConn.connect(tcpPort);
    await held.until("\n");
    const stillThere = async (): Promise<void> => {
      await held.send("ping");
      assert.equal(await held.exactly(4), "ping");
    };
    const apply = async (loadBalancers: readonly Balancing[], changes: string): Promise<void> => {
      assert.match(await program.reload({ loadBalancers }), new RegExp(`reloaded.*changes="${changes}"`));
      await asking.next(20);
      await stillThere();
    };
    assert.equal(share(await asking.next(50), "a"), 1);

    await apply([webTo({ [a.port]: 1, [b.port]: 1 }), plainly], "updated web");
    await eventually(() => asking.answers.at(-1) === "b", "the backend that was added answers, after its first check");

    await apply([webTo({ [a.port]: 1, [b.port]: 9 }), plainly], "updated web");
    const weighed = share(await asking.next(300), "b");
    assert.ok(weighed > 0.85 && weighed < 0.95, `the new weight counts: ${weighed}`);

    const without = webTo({ [b.port]: 1 });
    await apply([without, { ...plainly, backends: [`127.0.0.1:${other.port}`] }], "updated web, plain");
    assert.equal(share(await asking.next(100), "a"), 0, "the backend that was removed gets nothing");
    assert.equal(await greeting(tcpPort), "other");

    const moved = tcp("plain", newPort, { to: other.port, engine });
    await apply([without, moved], "replaced plain");
    assert.equal(await greeting(newPort), "other");
    await assertRefused(tcpPort);

    const more = tcp("more", tcpPort, { to: plain.port, engine });
    await apply([moved, more, without], "added more");
    assert.equal(await greeting(tcpPort), "plain");
    await apply([without, more], "removed plain");
    await assertRefused(newPort);
    held.close();
    await asking.next(50);
    await asking.end();
  });
  await Promise.all([a, b, plain, other].map((backend) => backend.close()));
}

for (const engine of ["listen", "user"] as const) {
  Deno.test(
    `SIGHUP applies every kind of change while clients ask on: no request fails, connections go on (engine ${engine})`,
    () => changeEverything(engine),
  );
}

Deno.test("a file that is bad, or that cannot be applied, changes nothing", async () => {
  const [a, b] = [web("a"), web("b")];
  const taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const webPort = deadPort();
  const good = http(webPort, { [a.port]: 1 });
  const next = http(webPort, { [b.port]: 1 });
  await Program.with({ loadBalancers: [good] }, async (program) => {
    const asking = new Asking(webPort, CLIENTS);
    const rows: [unknown, RegExp][] = [
      [{ loadBalancers: [{ ...next, port: 0 }], logLevel: "loud" }, /refused.* problems=2/],
      [{ loadBalancers: [next], vip: "10.0.0.9", placement: "spread" }, /refused.* problems=1/],
      [{ loadBalancers: [next, tcp("more", taken.addr.port, { to: 1 })] }, /not applied.*Cannot listen on port/],
    ];
    for (const [config, says] of rows) {
      assert.match(await program.reload(config), says);
      await asking.next(20);
      assert.equal(share(await asking.next(50), "a"), 1, String(says));
    }
    assert.match(await program.reload({ loadBalancers: [next] }), /reloaded/, "and a good one is still applied");
    await asking.next(20);
    assert.equal(share(await asking.next(50), "b"), 1);
    await asking.end();
  });
  taken.close();
  await Promise.all([a.close(), b.close()]);
});

Deno.test("a balancer whose front changes hands its port over, from engine to engine, and its connections finish", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send("hello\n");
    await echo(conn);
  });
  const port = deadPort();
  const held: RawConn[] = [];
  const serves = async (): Promise<void> => {
    const client = await RawConn.connect(port);
    held.push(client);
    assert.equal(await client.until("\n"), "hello\n");
    for (const one of held) {
      await one.send("ping");
      assert.equal(await one.exactly(4), "ping");
    }
  };
  await Program.with({ loadBalancers: [tcp("0", port, { to: backend.port })] }, async (program) => {
    await serves();
    for (const [n, engine] of (["user", "listen", "listen", "user", "user"] as const).entries()) {
      const next = tcp(String(n + 1), port, { to: backend.port, engine });
      assert.match(await program.reload({ loadBalancers: [next] }), new RegExp(`changes="replaced ${n} by ${n + 1}"`));
      await serves();
    }
    for (const one of held) one.close();
  });
  await backend.close();
});

Deno.test("no request fails while a port goes from one balancer to the next", async () => {
  const backend = web("a");
  const port = deadPort();
  const one = http(port, { [backend.port]: 1 }, "user");
  const other = { ...one, name: "site", threads: 2 };
  await Program.with({ loadBalancers: [one] }, async (program) => {
    const asking = new Asking(port, CLIENTS);
    await asking.next(20);
    for (let turn = 0; turn < 5; turn++) {
      await program.reload({ loadBalancers: [other] }, /changes="replaced web by site"/);
      await asking.next(20);
      await program.reload({ loadBalancers: [one] }, /changes="replaced site by web"/);
      await asking.next(20);
    }
    await asking.end();
  });
  await backend.close();
});

Deno.test("without a file SIGHUP changes nothing and ends nothing", async () => {
  const directory = await Deno.makeTempDir();
  const flags = ["--singleNode", "--disableVIP", "--stateDir", directory];
  await Program.run(flags, async (program) => {
    for (let times = 0; times < 2; times++) {
      program.hangUp();
      await program.says(/there is no configuration file/);
    }
  });
  await Deno.remove(directory, { recursive: true });
});

/** As the kubelet mounts a ConfigMap: the file is a link into a directory that is itself a link, which is what changes. */
function configMap(directory: string, text: string): string {
  Deno.mkdirSync(`${directory}/one`);
  Deno.writeTextFileSync(`${directory}/one/config.json`, text);
  Deno.symlinkSync("one", `${directory}/..data`);
  Deno.symlinkSync("..data/config.json", `${directory}/config.json`);
  return `${directory}/config.json`;
}

Deno.test("a watched file is applied when another takes its name, and when a link before it changes", async () => {
  const [a, b] = [web("a"), web("b")];
  const port = deadPort();
  const watched = (backend: Backend): unknown => ({
    watchConfig: true,
    loadBalancers: [http(port, { [backend.port]: 1 })],
  });
  await Program.with(watched(a), async (program) => {
    const directory = program.file.replace(/\/config.json$/, "");
    const asking = new Asking(port, 2);
    Deno.mkdirSync(`${directory}/two`);
    Deno.writeTextFileSync(`${directory}/two/config.json`, program.text(watched(b)));
    Deno.symlinkSync("two", `${directory}/..next`);
    Deno.renameSync(`${directory}/..next`, `${directory}/..data`);
    await program.says(/Configuration reloaded.*updated web/);
    await eventually(() => asking.answers.at(-1) === "b", "the new backend answers");
    Deno.writeTextFileSync(`${directory}/new`, program.text(watched(a)));
    Deno.renameSync(`${directory}/new`, program.file);
    await program.says(/Configuration reloaded.*updated web/);
    await eventually(() => asking.answers.at(-1) === "a", "the old one again");
    Deno.writeTextFileSync(program.file, '{"watchConfig": tr');
    await program.says(/Configuration refused/);
    await asking.next(20);
    await asking.end();
  }, configMap);
  await Promise.all([a.close(), b.close()]);
});

privileged(
  "a change that fails leaves the kernel as it was, and so does a balancer that goes",
  () =>
    insideNamespace(async () => {
      writeSysctl(ForwardingKey.ipv4, "0");
      const far = (name: string, port: number): unknown => ({
        ...{ name, type: "tcp", port, engine: "kernel", healthCheck: false, drain: "0s" },
        backends: ["192.0.2.1:80"],
      });
      const plain = tcp("plain", deadPort(), { to: 1 });
      const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const nft = new NftSocket();
      const state = (): unknown[] => [readSysctl(ForwardingKey.ipv4), nft.tables().map(({ table }) => table)];
      await Program.with({ loadBalancers: [plain] }, async (program) => {
        const ports = [deadPort(), taken.addr.port];
        const said = await program.reload({ loadBalancers: [plain, ...ports.map((port) => far(`far ${port}`, port))] });
        assert.match(said, /not applied/);
        await eventually(() => readSysctl(ForwardingKey.ipv4) === "0", "forwarding is given back");
        assert.deepEqual(state(), ["0", []]);
        assert.match(await program.reload({ loadBalancers: [plain, far("far", deadPort())] }), /reloaded/);
        assert.deepEqual(state(), ["1", ["kube-vip-balance"]]);
        assert.match(await program.reload({ loadBalancers: [plain] }), /reloaded/);
        await eventually(() => readSysctl(ForwardingKey.ipv4) === "0", "forwarding is given back");
        assert.deepEqual(state(), ["0", []]);
      });
      nft.close();
      taken.close();
    }),
);
