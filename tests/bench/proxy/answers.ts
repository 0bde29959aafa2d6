/** Answers that can be checked: what the backends say depends on the request, and every byte of it is compared. Pure. */

const TIMES = 16;

/** The text of an answer, in nginx' words. */
export const ECHO_BODY = `$request_method $arg_n${",$arg_n".repeat(TIMES)}.\\n`;

/** The text that the request with this number gets. */
export function expectedBody(method: string, number: number): string {
  return `${method} ${number}${`,${number}`.repeat(TIMES)}.\n`;
}

/** The bytes of the request with this number. */
export function requestText(host: string, method: string, number: number): string {
  const body = `number=${number}`;
  const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
  return `${method} /?n=${number} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n${method === "POST" ? body : ""}`;
}

/** What the bytes on a connection are so far. */
export type Answer =
  | { readonly outcome: "partial" }
  | { readonly outcome: "malformed"; readonly why: string }
  | {
    readonly outcome: "whole";
    readonly status: number;
    readonly body: string;
    /** The connection ends after it. */
    readonly closes: boolean;
    /** Bytes that do not belong to it: nobody asked for more. */
    readonly surplus: number;
  };

/** Reads one answer with a Content-Length, as all of them have. `text` has one character for each byte. */
export function readAnswer(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return { outcome: "partial" };
  const head = text.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3}) ?/.exec(head)?.[1] ?? NaN);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
  if (Number.isNaN(status) || Number.isNaN(length)) return { outcome: "malformed", why: head.slice(0, 200) };
  const from = end + 4;
  if (text.length < from + length) return { outcome: "partial" };
  return {
    outcome: "whole",
    status,
    body: text.slice(from, from + length),
    closes: /\r\nconnection: *close/i.test(head),
    surplus: text.length - from - length,
  };
}
