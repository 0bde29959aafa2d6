/** Messages for the fuzzer: published cases, most of them with something changed. */
import type { Random } from "../../mod/base/clock.ts";
import { SMUGGLING_CASES } from "./http1_smuggling_cases.ts";
import { RESPONSE_CASES } from "./http1_smuggling_responses.ts";

/** What goes into a message somewhere. */
const FRAGMENTS = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "\x0b",
  "\x85",
  "\xa0",
  "_",
  ":",
  ";",
  ",",
  '"',
  "0",
  "5",
  "0x",
  "+",
  "#",
  "\\",
  "chunked",
  "HTTP/1.0",
  "\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  ";a=b",
  ";",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Expect: 100-continue\r\n",
  "X-Forwarded-For: 1.1.1.1\r\n",
  "X_Y: z\r\n",
];
/** Longer ones would only take time. */
const MAX_SAMPLE = 300;

const ALL = Object.values(SMUGGLING_CASES).flat().filter(({ bytes }) => bytes.length <= MAX_SAMPLE);
const SOUND = ALL.filter(({ must }) => must.outcome === "passed").map(({ bytes }) => bytes);
const REFUSED = ALL.filter(({ must }) => must.outcome === "refused").map(({ bytes }) => bytes);
const RESPONSES = RESPONSE_CASES.map(({ bytes }) => bytes).filter((bytes) => bytes.length <= MAX_SAMPLE);

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick(random: Random, from: readonly string[]): string {
  return from[below(random, from.length)] ?? "";
}

/** A whole line again, or at another place. */
function moveLine(text: string, random: Random): string {
  const lines = text.split("\r\n");
  const taken = lines[below(random, lines.length)] ?? "";
  lines.splice(below(random, lines.length), below(random, 2), taken);
  return lines.join("\r\n");
}

function change(text: string, random: Random): string {
  const at = below(random, text.length + 1);
  const char = text.charCodeAt(at) || 0;
  switch (below(random, 7)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(below(random, 256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + String.fromCharCode(char ^ (1 << below(random, 8))) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + below(random, 4));
    case 3:
      return moveLine(text, random);
    case 4:
      return text.slice(0, at) + pick(random, SOUND).slice(below(random, 40));
    default:
      return text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(at);
  }
}

/** Changes a sample at up to three places. */
function changed(sample: string, random: Random): string {
  let text = sample;
  for (let left = below(random, 4); left > 0; left--) text = change(text, random);
  return text;
}

/** A request, half of the time one that is right but for the changes, sometimes with another one behind it. */
export function nextRequest(random: Random): string {
  const text = changed(pick(random, random() < 0.8 ? SOUND : REFUSED), random);
  return random() < 0.3 ? text + pick(random, SOUND) : text;
}

/** The head of a response, and some of what follows it. */
export function nextResponse(random: Random): string {
  return changed(pick(random, RESPONSES), random);
}
