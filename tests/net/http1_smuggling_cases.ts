/** The published cases of request smuggling, all in one table; `http1_smuggling_test.ts` and the engines' contract go through it. */
import { CHUNK_CASES } from "./http1_smuggling_chunks.ts";
import { FRAMING_CASES } from "./http1_smuggling_framing.ts";
import { HEAD_CASES } from "./http1_smuggling_heads.ts";
import type { SmugglingCase } from "./http1_smuggling_kit.ts";

/** Grouped by what they are about. */
export const SMUGGLING_CASES: Readonly<Record<"the end of a message" | "chunks" | "heads", readonly SmugglingCase[]>> =
  {
    "the end of a message": FRAMING_CASES,
    "chunks": CHUNK_CASES,
    "heads": HEAD_CASES,
  };
