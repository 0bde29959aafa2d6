/** The open watch streams of the fake API server, and what can be done to all of them at once. */

import type { FakeObject, ResourcePath } from "./paths.ts";
import { selectorOf } from "./paths.ts";
import type { Change, FakeStore } from "./store.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

interface Open {
  readonly path: ResourcePath;
  readonly selected: (object: FakeObject) => boolean;
  readonly bookmarks: boolean;
  readonly controller: Controller;
  readonly stop: () => void;
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: unknown;
}

const encoder = new TextEncoder();

export class Watches {
  readonly #store: FakeStore;
  readonly #open = new Set<Open>();
  #silent = false;

  constructor(store: FakeStore) {
    this.#store = store;
  }

  /** Streams that are open now. */
  get count(): number {
    return this.#open.size;
  }

  /** Streams, those open and those to come, send nothing any more, not even what they miss, until {@link Watches.speak}. */
  silence(): void {
    this.#silent = true;
  }

  /** Streams opened from now on, and new changes on old ones, are sent again. What was missed in silence is not. */
  speak(): void {
    this.#silent = false;
  }

  /** Breaks every connection in the middle of a chunk. */
  cut(): void {
    for (const open of [...this.#open]) {
      this.#drop(open);
      open.controller.error(new Error("Cut"));
    }
  }

  /** Ends every stream in order, as the server does after `timeoutSeconds`. */
  finish(): void {
    for (const open of [...this.#open]) {
      this.#drop(open);
      open.controller.close();
    }
  }

  /** Tells every watcher that asked for bookmarks the version of now. */
  bookmark(): void {
    for (const open of this.#open) {
      if (!open.bookmarks) continue;
      const metadata = { resourceVersion: String(this.#store.version) };
      this.#send(open, { type: "BOOKMARK", object: { apiVersion: open.path.apiVersion, metadata } });
    }
  }

  /** Sends any event to every watcher. */
  send(event: WatchEvent): void {
    for (const open of this.#open) this.#send(open, event);
  }

  /** Sends bytes as they are to every watcher. */
  raw(bytes: Uint8Array): void {
    for (const open of this.#open) open.controller.enqueue(bytes);
  }

  /** The body of an answer: what happened after `version`, then what happens. */
  stream(path: ResourcePath, query: URLSearchParams, version: number): ReadableStream<Uint8Array> {
    let opened: Open | null = null;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        opened = this.#start(controller, path, { query, version });
      },
      cancel: () => {
        if (opened !== null) this.#drop(opened);
      },
    });
  }

  #start(
    controller: Controller,
    path: ResourcePath,
    options: { readonly query: URLSearchParams; readonly version: number },
  ): Open {
    const { query, version } = options;
    const stop = this.#store.onChange((change) => this.#changed(open, change));
    const open: Open = {
      path,
      selected: pathSelector(path, query),
      bookmarks: query.get("allowWatchBookmarks") === "true",
      controller,
      stop,
    };
    this.#open.add(open);
    // The head of the answer goes out with the first chunk; an empty line is no event.
    if (!this.#silent) { for (const change of this.#store.changesSince(path, version)) this.#changed(open, change); }
    return open;
  }

  #changed(open: Open, change: Change): void {
    if (this.#silent || !sameCollection(open.path, change.path)) return;
    const was = change.before !== null && open.selected(change.before);
    const is = change.after !== null && open.selected(change.after);
    if (is) this.#send(open, { type: was ? "MODIFIED" : "ADDED", object: change.after });
    else if (was) this.#send(open, { type: "DELETED", object: atVersion(change) });
  }

  #send(open: Open, event: WatchEvent): void {
    if (!this.#silent) open.controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
  }

  #drop(open: Open): void {
    open.stop();
    this.#open.delete(open);
  }
}

/** A deleted object carries the version of its deletion; one that left the selection, too. */
function atVersion(change: Change): FakeObject | null {
  const object = change.before;
  if (object === null) return null;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(change.version) } };
}

function pathSelector(path: ResourcePath, query: URLSearchParams): (object: FakeObject) => boolean {
  const selected = selectorOf(query);
  return (object) => selected(object) && (path.name === "" || object.metadata.name === path.name);
}

function sameCollection(wanted: ResourcePath, changed: ResourcePath): boolean {
  return wanted.apiVersion === changed.apiVersion && wanted.resource === changed.resource &&
    (wanted.namespace === "" || wanted.namespace === changed.namespace);
}
