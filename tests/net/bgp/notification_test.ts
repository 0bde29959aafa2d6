import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { encodeNotification } from "../../../mod/net/bgp/message.ts";
import { BgpError, describeNotification, notification, shutdownData } from "../../../mod/net/bgp/notification.ts";

const utf8 = new TextEncoder();

function text(...octets: readonly (string | number)[]): Uint8Array {
  const bytes = octets.flatMap((part) => typeof part === "number" ? [part] : [...utf8.encode(part)]);
  return Uint8Array.from([bytes.length, ...bytes]);
}

const NONE = new Uint8Array();

const WORDS: readonly (readonly [number, number, Uint8Array, string])[] = [
  [1, 1, NONE, "Message header error: connection not synchronized"],
  [1, 2, Uint8Array.of(0, 5), "Message header error: bad message length"],
  [1, 3, Uint8Array.of(9), "Message header error: bad message type"],
  [2, 0, NONE, "OPEN error"],
  [2, 1, Uint8Array.of(0, 4), "OPEN error: unsupported version number"],
  [2, 2, NONE, "OPEN error: bad peer AS"],
  [2, 3, NONE, "OPEN error: bad BGP identifier"],
  [2, 4, NONE, "OPEN error: unsupported optional parameter"],
  [2, 6, NONE, "OPEN error: unacceptable hold time"],
  [2, 7, NONE, "OPEN error: unsupported capability"],
  [3, 1, NONE, "UPDATE error: malformed attribute list"],
  [3, 11, NONE, "UPDATE error: malformed AS_PATH"],
  [4, 0, NONE, "Hold timer expired"],
  [5, 2, NONE, "State machine error: unexpected message in OpenConfirm"],
  [6, 1, NONE, "Cease: maximum number of prefixes reached"],
  [6, 2, NONE, "Cease: administrative shutdown"],
  [6, 2, text("maintenance"), "Cease: administrative shutdown: maintenance"],
  [6, 2, text("Wartung für 日本"), "Cease: administrative shutdown: Wartung für 日本"],
  [6, 2, text(""), "Cease: administrative shutdown"],
  [6, 4, text("new config"), "Cease: administrative reset: new config"],
  [6, 3, text("not a text here"), "Cease: peer de-configured"],
  [6, 7, NONE, "Cease: connection collision resolution"],
  [6, 10, NONE, "Cease: BFD down"],
  [6, 9, Uint8Array.of(6, 2, ...text("bye")), "Cease: hard reset: Cease: administrative shutdown: bye"],
  [6, 9, Uint8Array.of(6, 9, 6, 9), "Cease: hard reset: Cease: hard reset"],
  [6, 9, Uint8Array.of(6), "Cease: hard reset"],
  [7, 1, NONE, "ROUTE-REFRESH error: invalid message length"],
  [8, 0, NONE, "Send hold timer expired"],
  [3, 99, NONE, "UPDATE error: subcode 99"],
  [42, 7, NONE, "Error 42: subcode 7"],
  [42, 0, NONE, "Error 42"],
];

Deno.test("a NOTIFICATION is told in words, what is not known by its number", () => {
  for (const [code, subcode, data, words] of WORDS) {
    assert.equal(describeNotification(notification(code, subcode, data)), words);
  }
});

Deno.test("a shutdown text cannot steer a terminal or forge a line of a log, RFC 9003 §4", () => {
  const rows: readonly (readonly [Uint8Array, string])[] = [
    [text("a\nb\r\tc"), "a\ufffdb\ufffd\ufffdc"],
    [text("\x1b[31mred\x07"), "\ufffd[31mred\ufffd"],
    [text("\x7f\u0085\u2028\u2029"), "\ufffd\ufffd\ufffd\ufffd"],
    [text("\u202eabc\u200b\ufeff"), "\ufffdabc\ufffd\ufffd"],
    [text("a", 0xff, "b", 0xc3), "a\ufffdb\ufffd"],
  ];
  for (const [data, printed] of rows) {
    assert.equal(
      describeNotification(notification(6, 2, data)),
      `Cease: administrative shutdown: ${printed}`,
    );
  }
});

Deno.test("a shutdown text whose length is wrong is not shown, RFC 9003 §3", () => {
  for (const data of [Uint8Array.of(5, 65), Uint8Array.of(255), Uint8Array.of(1)]) {
    assert.equal(describeNotification(notification(6, 2, data)), "Cease: administrative shutdown");
  }
});

Deno.test("a shutdown text is cut to 255 bytes between two characters, RFC 9003 §2", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["", -1],
    ["maintenance", 11],
    ["x".repeat(255), 255],
    ["x".repeat(256), 255],
    ["ü".repeat(200), 254],
    ["日".repeat(100), 255],
    [`x${"日".repeat(100)}`, 253],
    ["😀".repeat(64), 252],
    ["\ud800", 3],
  ];
  for (const [given, bytes] of rows) {
    const data = shutdownData(given);
    assert.equal(data.length, bytes + 1, given);
    assert.equal(data.length === 0 ? 0 : data[0], Math.max(0, bytes), given);
    const said = new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1));
    assert(given.toWellFormed().startsWith(said), given);
  }
});

Deno.test("a BgpError is a WireError with the NOTIFICATION, whose data is its own and fits a message", () => {
  const data = new Uint8Array(5000).fill(7);
  const error = new BgpError(7, 1, { unit: "BGP ROUTE-REFRESH", where: "length", got: 5000, wanted: 23, data });
  data.fill(0);
  assert(error instanceof WireError);
  assert.equal(error.message, "BGP ROUTE-REFRESH: length is 5000, wanted 23");
  assert(error.data.every((byte) => byte === 7));
  assert.equal(encodeNotification(notification(error.code, error.subcode, error.data)).length, 4096);
  assert.equal(new BgpError(1, 1, { unit: "BGP header", where: "marker", got: 0, wanted: 255 }).data.length, 0);
});
