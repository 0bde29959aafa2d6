import assert from "node:assert/strict";
import { Endpoints, EtcdEndpointError } from "../../../mod/election/etcd/endpoints.ts";

Deno.test("endpoints are URLs or host and port", () => {
  const cases: readonly (readonly [string, boolean, string])[] = [
    ["https://127.0.0.1:2379", false, "https://127.0.0.1:2379"],
    ["http://127.0.0.1:2379/", true, "http://127.0.0.1:2379"],
    [" etcd-1:2379 ", true, "https://etcd-1:2379"],
    ["10.0.0.1:2379", false, "http://10.0.0.1:2379"],
    ["https://[fd98::1]:2379", true, "https://[fd98::1]:2379"],
    ["[fd98::1]:2379", false, "http://[fd98::1]:2379"],
  ];
  for (const [text, secure, wanted] of cases) assert.equal(new Endpoints([text], secure).current, wanted);
});

Deno.test("what no request can be sent to is refused by name", () => {
  for (const text of ["", "ftp://a:1", "http://", "http://a:1/v3", "http://a:1?x=1", "unix:///run/etcd.sock", "a b"]) {
    assert.throws(() => new Endpoints([text], false), EtcdEndpointError, text);
  }
  assert.throws(() => new Endpoints([], false), EtcdEndpointError);
});

Deno.test("after a failure the next endpoint is asked, in turn; an old failure changes nothing", () => {
  const endpoints = new Endpoints(["http://a:1", "http://b:1", "http://c:1"], false);
  endpoints.failed("http://a:1");
  assert.equal(endpoints.current, "http://b:1");
  endpoints.failed("http://a:1");
  assert.equal(endpoints.current, "http://b:1");
  endpoints.failed("http://b:1");
  endpoints.failed("http://c:1");
  assert.equal(endpoints.current, "http://a:1");
});
