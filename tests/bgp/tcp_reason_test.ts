import assert from "node:assert/strict";
import { explain, reasonOf } from "../../mod/bgp/tcp_reason.ts";
import { Errno, SysError } from "../../mod/linux/errno.ts";

Deno.test("errors of connections are said in plain words; a rare one by its name", () => {
  const cases = [
    [Errno.ECONNREFUSED, "connection refused"],
    [Errno.EHOSTUNREACH, "no route to host"],
    [Errno.ENETUNREACH, "network is unreachable"],
    [Errno.ETIMEDOUT, "timed out"],
    [Errno.ECONNRESET, "connection reset by the peer"],
    [Errno.EPIPE, "connection reset by the peer"],
    [Errno.ENOBUFS, "ENOBUFS from the kernel"],
    [9999, "E9999 from the kernel"],
  ] as const;
  for (const [errno, words] of cases) assert.equal(reasonOf(errno), words);
});

Deno.test("what kept a socket from being made is explained with what it was about", () => {
  const cases = [
    [new SysError("connect to", Errno.ENETUNREACH, { subject: "10.0.0.1:179" }), "network is unreachable"],
    [new SysError("bind", Errno.EADDRNOTAVAIL, { subject: "10.0.0.1" }), "10.0.0.1 is not an address of this machine"],
    [new SysError("bind", Errno.EADDRINUSE, { subject: ":: port 179" }), ":: port 179 is in use"],
    [
      new SysError("bind", Errno.EACCES, { subject: ":: port 179" }),
      ":: port 179 needs a privilege (CAP_NET_BIND_SERVICE)",
    ],
    [new SysError("find link", Errno.ENODEV, { subject: "eth9" }), "no interface eth9"],
    [new SysError("open socket", Errno.EMFILE), "Cannot open socket: EMFILE"],
    [new TypeError("odd"), "odd"],
    ["text", "text"],
  ] as const;
  for (const [error, words] of cases) assert.equal(explain(error), words);
});
