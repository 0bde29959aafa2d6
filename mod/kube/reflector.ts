/**
 * What to do next to follow a collection: list it, watch it from the version of the list, list again when changes may have been missed.
 * Pure: a driver carries out the {@link Step}s and says what came of them.
 *
 * A lost, silent or ended watch is resumed from the last version seen, bookmarks included; nothing is missed by that. Only a version the
 * server does not know any more (410), or that it cannot serve, leads to a new list.
 */

import type { Random } from "../base/clock.ts";
import type { KubeAnswer, KubeObject, WatchListener, WatchRequest } from "./api.ts";
import { Backoff } from "./backoff.ts";
import { isRecord, type ObjectList } from "./objects.ts";

/** Objects of one page; client-go's number. */
const PAGE_OBJECTS = 500;
/** More pages than that is no collection this program follows. */
const MAX_PAGES = 200;
/** The server ends a watch after a time in this range, so that watches of many nodes do not end together. */
const WATCH_SECONDS = { least: 240, most: 480 };
/** Not allowed: somebody has to change a role first. */
const FORBIDDEN_MS = 30_000;
/** A server that has just started forbids everything until it has read the roles: only then is it meant. */
const FORBIDDEN_AFTER = 6;
/** A watch that lived for so long was one, even without an event. */
const LIVED_MS = 5000;
/** So many times in a row watching from one version may lead to nothing, not even a bookmark, before the version is doubted. */
const DOUBT_AFTER = 3;
/** A server that asks for more patience than that is asked again all the same. */
const MAX_RETRY_AFTER_MS = 60_000;

/** What the driver does next. */
export type Step =
  | { readonly do: "list" | "watch"; readonly query: Readonly<Record<string, string>> }
  | { readonly do: "wait"; readonly delayMs: number };

/** How a watch that had been opened came to its end. */
export type StreamEnd =
  /** In order. */
  | { readonly how: "finished"; readonly livedMs: number }
  /** The connection broke, or nothing was heard for too long. */
  | { readonly how: "cut" | "silent"; readonly livedMs: number; readonly cause: string }
  /** What came cannot be read. */
  | { readonly how: "unreadable"; readonly livedMs: number; readonly cause: string };

type Failure = Exclude<KubeAnswer<never>, { outcome: "ok" }>;

interface Listing<T> {
  readonly items: readonly T[];
  readonly pages: number;
  readonly continueToken: string | null;
  /** Off once a list took so long that its continuation was forgotten. */
  readonly paged: boolean;
}

export class Reflector<T extends KubeObject> {
  readonly #request: WatchRequest;
  readonly #listener: WatchListener<T>;
  readonly #random: Random;
  readonly #backoff: Backoff;
  /** Null while watching. */
  #listing: Listing<T> | null = emptyListing(true);
  #version = "";
  #waitMs: number | null = null;
  #said: "following" | "broken" | null = null;
  #eventsOfStream = 0;
  /** Watches from {@link #version} that led to nothing, in a row. */
  #doubts = 0;

  constructor(request: WatchRequest, listener: WatchListener<T>, random: Random) {
    this.#request = request;
    this.#listener = listener;
    this.#random = random;
    this.#backoff = new Backoff(random);
  }

  /** What to do now. A wait is over when it is asked for the next step. */
  next(): Step {
    if (this.#waitMs !== null) {
      const delayMs = this.#waitMs;
      this.#waitMs = null;
      return { do: "wait", delayMs };
    }
    const selectors = {
      ...(this.#request.fieldSelector === undefined ? {} : { fieldSelector: this.#request.fieldSelector }),
      ...(this.#request.labelSelector === undefined ? {} : { labelSelector: this.#request.labelSelector }),
    };
    if (this.#listing !== null) return { do: "list", query: { ...selectors, ...listQuery(this.#listing) } };
    const { least, most } = WATCH_SECONDS;
    const timeoutSeconds = String(least + Math.floor(this.#random() * (most - least + 1)));
    const watch = { watch: "true", allowWatchBookmarks: "true", resourceVersion: this.#version, timeoutSeconds };
    return { do: "watch", query: { ...selectors, ...watch } };
  }

  /** The answer to a list. */
  listed(answer: KubeAnswer<unknown>): void {
    const listing = this.#listing;
    if (listing === null) return;
    if (answer.outcome === "ok") return this.#page(listing, answer.body);
    if (answer.outcome === "refused" && answer.status === 410 && listing.continueToken !== null) {
      this.#listing = emptyListing(false);
      return;
    }
    this.#failed(answer);
  }

  #page(listing: Listing<T>, body: unknown): void {
    if (!isList<T>(body)) return this.#failed({ outcome: "unreachable", cause: "The answer is no list" });
    const items = listing.items.concat(body.items ?? []);
    const continueToken = body.metadata?.continue || null;
    const pages = listing.pages + 1;
    if (continueToken !== null && pages >= MAX_PAGES) {
      this.#listing = emptyListing(listing.paged);
      return this.#failed({ outcome: "unreachable", cause: `More than ${MAX_PAGES} pages` });
    }
    if (continueToken !== null) {
      this.#listing = { ...listing, items, pages, continueToken };
      return;
    }
    this.#listing = null;
    this.#version = body.metadata?.resourceVersion ?? "";
    this.#doubts = 0;
    this.#listener.listed(items);
  }

  /** The server answers a watch. */
  opened(): void {
    this.#eventsOfStream = 0;
    this.#say("following", "");
  }

  /** The server, or the way to it, did not let a watch be opened. */
  notOpened(failure: Failure): void {
    if (failure.outcome === "unreachable") return this.#failed(failure);
    const { status } = failure;
    if (status === 410) return this.#expired();
    const later = status === 401 || status === 403 || status === 429;
    if (!later && (status < 500 || ++this.#doubts >= DOUBT_AFTER)) this.#listing = emptyListing(true);
    this.#failed(failure);
  }

  /** One event of a watch. @returns whether to go on reading, or to close the stream (its end is then not reported) */
  event(event: unknown): "go on" | "close" {
    const object = isRecord(event) ? event["object"] : null;
    const type = isRecord(event) ? event["type"] : null;
    if (type === "ERROR") return this.#errorEvent(object);
    const version = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"]["resourceVersion"] : null;
    if (typeof version !== "string" || !isEventType(type)) {
      this.#unreadable("An event without type or version");
      return "close";
    }
    this.#eventsOfStream++;
    this.#version = version;
    this.#doubts = 0;
    this.#backoff.reset();
    if (type === "DELETED") this.#listener.deleted(object as T);
    else if (type !== "BOOKMARK") this.#listener.changed(object as T);
    return "go on";
  }

  #errorEvent(object: unknown): "close" {
    const { code, reason, message } = isRecord(object) ? object : {};
    if (code === 410 || reason === "Expired" || reason === "Gone") {
      this.#expired();
    } else {
      this.notOpened({
        outcome: "refused",
        status: typeof code === "number" ? code : 500,
        reason: typeof reason === "string" ? reason : "",
        message: typeof message === "string" ? message : "",
        retryAfterMs: null,
      });
    }
    return "close";
  }

  /** A watch has ended by itself. */
  ended(end: StreamEnd): void {
    if (end.livedMs >= LIVED_MS) this.#backoff.reset();
    const worked = this.#eventsOfStream > 0 || end.livedMs >= LIVED_MS;
    // From a version that is ahead of it, the server watches without a word; that happens after etcd was restored from a backup.
    const fruitless = this.#eventsOfStream === 0 && (end.how === "silent" || (end.how === "finished" && worked));
    if (fruitless && ++this.#doubts >= DOUBT_AFTER) this.#listing = emptyListing(true);
    switch (end.how) {
      case "finished":
        if (!worked) this.#waitMs = this.#backoff.next();
        break;
      case "silent":
        break;
      case "cut":
        this.#waitMs = this.#backoff.next();
        break;
      case "unreadable":
        this.#unreadable(end.cause);
        break;
    }
  }

  /** What cannot be read would come again from the same version. */
  #unreadable(cause: string): void {
    this.#listing = emptyListing(true);
    this.#failed({ outcome: "unreachable", cause });
  }

  /** The first new list is made at once: no change is known until then. */
  #expired(): void {
    this.#listing = emptyListing(true);
    const repeated = this.#backoff.failures > 0;
    const delayMs = this.#backoff.next();
    if (repeated) this.#waitMs = delayMs;
  }

  #failed(failure: Failure): void {
    this.#waitMs = this.#delayAfter(failure);
    this.#say("broken", failure.outcome === "refused" ? describe(failure) : failure.cause);
  }

  #delayAfter(failure: Failure): number {
    const delayMs = this.#backoff.next();
    if (failure.outcome === "unreachable") return delayMs;
    if (failure.retryAfterMs !== null) {
      return Math.min(failure.retryAfterMs, MAX_RETRY_AFTER_MS) + this.#random() * 1000;
    }
    const isMeant = failure.status === 403 && this.#backoff.failures > FORBIDDEN_AFTER;
    return isMeant ? this.#backoff.spread(FORBIDDEN_MS) : delayMs;
  }

  #say(state: "following" | "broken", cause: string): void {
    if (this.#said === state) return;
    this.#said = state;
    this.#listener.health?.(state, cause);
  }
}

function emptyListing<T>(paged: boolean): Listing<T> {
  return { items: [], pages: 0, continueToken: null, paged };
}

function listQuery(listing: Listing<unknown>): Record<string, string> {
  if (!listing.paged) return {};
  const limit = String(PAGE_OBJECTS);
  return listing.continueToken === null ? { limit } : { limit, continue: listing.continueToken };
}

function isList<T extends KubeObject>(body: unknown): body is ObjectList<T> {
  if (!isRecord(body) || !isRecord(body["metadata"])) return false;
  return typeof body["metadata"]["resourceVersion"] === "string" && Array.isArray(body["items"] ?? []);
}

function isEventType(type: unknown): type is "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" {
  return type === "ADDED" || type === "MODIFIED" || type === "DELETED" || type === "BOOKMARK";
}

function describe(refused: { readonly status: number; readonly reason: string; readonly message: string }): string {
  return [`${refused.status}`, refused.reason, refused.message].filter((part) => part !== "").join(" ");
}
