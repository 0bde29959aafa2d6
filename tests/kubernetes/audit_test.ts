import assert from "node:assert/strict";
import { AuditLog, countCalls, parseAudit } from "./audit.ts";

function line(change: Record<string, unknown>): string {
  return `${
    JSON.stringify({
      auditID: "1",
      stage: "ResponseComplete",
      verb: "get",
      requestURI: "/api/v1/nodes/a?x=1",
      user: { username: "node1" },
      objectRef: { resource: "nodes", name: "a" },
      responseStatus: { code: 200 },
      requestReceivedTimestamp: "2026-01-02T03:04:05.000006Z",
      ...change,
    })
  }\n`;
}

Deno.test("parseAudit() reads one request from each line", () => {
  assert.deepEqual(parseAudit(line({})), [{
    user: "node1",
    verb: "get",
    resource: "nodes",
    namespace: null,
    name: "a",
    code: 200,
    atMs: Date.parse("2026-01-02T03:04:05Z"),
  }]);
});

Deno.test("parseAudit() counts the stages of one watch once, names subresources and paths, and leaves out half a line", () => {
  const text = line({ auditID: "1", stage: "ResponseStarted", verb: "watch" }) +
    line({ auditID: "2", verb: "update", objectRef: { resource: "services", subresource: "status", namespace: "x" } }) +
    line({ auditID: "3", requestURI: "/livez?verbose", objectRef: undefined, responseStatus: undefined }) +
    line({ auditID: "1", verb: "watch" });
  const calls = parseAudit(`${text}{"auditID":"4`);
  assert.deepEqual(countCalls(calls), {
    "node1 get /livez": 1,
    "node1 update services/status": 1,
    "node1 watch nodes": 1,
  });
  assert.equal(calls[1]?.namespace, "x");
  assert.equal(calls[2]?.code, 0);
});

Deno.test("an AuditLog gives what came after its mark, of all servers in order of time", async () => {
  const directory = await Deno.makeTempDir();
  const [first, second, third] = ["1", "2", "3"].map((name) => `${directory}/${name}`);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const log = new AuditLog([first, second, third]);
  Deno.writeTextFileSync(first, line({}));
  assert.equal(log.calls().length, 1);
  log.mark();
  assert.deepEqual(log.calls(), []);
  const at = (second: number): string => `2026-01-02T03:04:0${second}.000000Z`;
  Deno.writeTextFileSync(first, line({ requestReceivedTimestamp: at(9), verb: "list" }), { append: true });
  Deno.writeTextFileSync(second, line({ requestReceivedTimestamp: at(8), verb: "watch" }));
  assert.deepEqual(log.calls().map(({ verb }) => verb), ["watch", "list"]);
  await Deno.remove(directory, { recursive: true });
});
