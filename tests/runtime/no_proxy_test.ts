import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** In a process of its own: the environment is one for all threads of this one, and others make clients meanwhile. */
async function alone(lines: string): Promise<unknown> {
  const module = JSON.stringify(new URL("../../mod/runtime/no_proxy.ts", import.meta.url).href);
  const script = `
    import { withoutProxies } from ${module};
    const proxy = () => Deno.env.get("HTTPS_PROXY") ?? null;
    const seen = [];
    ${lines}
    console.log(JSON.stringify(seen));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fileURLToPath(new URL("../../deno.json", import.meta.url)), script],
    env: { ["HTTPS_PROXY"]: "http://127.0.0.1:9" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test("a client is made as if there were no proxies, and the variables are there again afterwards", async () => {
  const seen = await alone(`
    seen.push(withoutProxies(proxy), proxy());
    try {
      withoutProxies(() => { throw new Error("no client"); });
    } catch (error) {
      seen.push(error.message, proxy());
    }`);
  assert.deepEqual(seen, [null, "http://127.0.0.1:9", "no client", "http://127.0.0.1:9"]);
});
