import assert from "node:assert/strict";
import { Findings, Place } from "../../mod/config/findings.ts";
import { othersOf, resolveSecret } from "../../mod/config/membership.ts";
import { type GivenPeer, peerKind } from "../../mod/config/peers.ts";
import type { Given, Origin } from "../../mod/config/section.ts";
import { INVALID } from "../../mod/config/setting.ts";

function peer(text: string, findings: Findings): GivenPeer {
  const read = peerKind.fromText(text, new Place(findings, "peers"));
  return read === INVALID ? assert.fail(text) : read;
}

function given<T>(value: T, origin: Origin, findings: Findings): Given<T> {
  return { value, origin, place: new Place(findings, "name") };
}

Deno.test("others are the listed members but oneself; nobody and even numbers are a warning", () => {
  const findings = new Findings();
  const [a, b] = [peer("a:10.0.0.1:1", findings), peer("b:10.0.0.2:1", findings)];
  const options = { findings, advice: "do x" };
  assert.deepEqual(othersOf(a, given([a, b], "env", findings), options), [b]);
  assert.deepEqual(othersOf(null, given([a], "env", findings), options), [a]);
  assert.deepEqual(othersOf(a, given([], "default", findings), options), []);
  assert.deepEqual(findings.warnings.map(({ message }) => message.slice(0, 40)), [
    "makes 2 members; an even number survives",
    "is missing: this member is alone; do x",
  ]);
});

Deno.test("a secret is given itself or by a file, not both, and long enough", () => {
  const secret = "0123456789abcdef";
  const rows: [text: string, file: string, alone: boolean, wanted: string | null, said: string[]][] = [
    [secret, "", false, secret, []],
    ["", "/good", false, secret, []],
    ["", "/short", false, null, ["holds 3 characters; must hold at least 16"]],
    ["", "/none", false, null, ["cannot be read: gone"]],
    [secret, "/good", false, secret, ["is given together with peerSecret; give one of them"]],
    ["", "", true, null, []],
  ];
  const files: Record<string, string> = { "/good": `${secret}\n`, "/short": "abc" };
  const readText = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error("gone");
    return text;
  };
  for (const [text, file, alone, wanted, said] of rows) {
    const findings = new Findings();
    const of = (value: string): Given<string> => given(value, value === "" ? "default" : "env", findings);
    assert.equal(resolveSecret(of(text), of(file), { readText, alone }), wanted);
    assert.deepEqual(findings.problems.map(({ message }) => message), said);
    assert.deepEqual(findings.warnings, []);
  }
  const findings = new Findings();
  const none = given("", "default", findings);
  assert.equal(resolveSecret(none, none, { readText, alone: false }), null);
  assert.match(findings.warnings[0]?.message ?? "", /^is missing: anybody on the network/);
});
