import assert from "node:assert/strict";
import { ECHO_BODY, expectedBody, readAnswer, requestText } from "./answers.ts";

function answer(body: string, head = "HTTP/1.1 200 OK"): string {
  return `${head}\r\nServer: nginx\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

Deno.test("the expected body is the template with the method and the number of the request", () => {
  const rendered = ECHO_BODY.replaceAll("$arg_n", "42").replace("$request_method", "GET").replace("\\n", "\n");
  assert.equal(expectedBody("GET", 42), rendered);
  assert.notEqual(expectedBody("GET", 42), expectedBody("GET", 43));
  assert.notEqual(expectedBody("GET", 42), expectedBody("POST", 42));
});

Deno.test("a POST says how long its content is, a GET has none", () => {
  assert.equal(requestText("h", "GET", 7), "GET /?n=7 HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.equal(requestText("h", "POST", 7), "POST /?n=7 HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nnumber=7");
});

Deno.test("an answer is partial until its last byte, wherever it is cut", () => {
  const text = answer("some body");
  for (let cut = 0; cut < text.length; cut++) assert.deepEqual(readAnswer(text.slice(0, cut)), { outcome: "partial" });
  assert.deepEqual(readAnswer(text), { outcome: "whole", status: 200, body: "some body", closes: false, surplus: 0 });
});

Deno.test("bytes after an answer are surplus", () => {
  const read = readAnswer(`${answer("body")}HTTP`);
  assert.equal(read.outcome === "whole" ? read.surplus : -1, 4);
});

Deno.test("another status and the end of the connection are read", () => {
  const read = readAnswer(answer("gone", "HTTP/1.1 502 Bad Gateway\r\nconnection: Close"));
  assert.deepEqual(read, { outcome: "whole", status: 502, body: "gone", closes: true, surplus: 0 });
});

for (
  const text of [
    "HTTP/1.1 200 OK\r\n\r\n",
    "garbage\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 x\r\nContent-Length: 1\r\n\r\nx",
  ]
) {
  Deno.test(`what is no answer with a length is malformed: ${JSON.stringify(text)}`, () => {
    assert.equal(readAnswer(text).outcome, "malformed");
  });
}
