/**
 * The state behind the fake API server: objects with uid and resourceVersion (one counter for everything, as etcd has), every version
 * that has not been compacted away, and the events that watches are served from.
 */

import { type FakeObject, kindOf, type ResourcePath } from "./paths.ts";

/** A Status object that a request ends in. */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(readonly status: number, readonly reason: string, message: string) {
    super(message);
  }
}

/** One change, as a watch needs it. */
export interface Change {
  readonly version: number;
  readonly path: ResourcePath;
  readonly before: FakeObject | null;
  readonly after: FakeObject | null;
}

interface Version {
  readonly version: number;
  readonly object: FakeObject | null;
}

/** Fixed, because nobody may decide anything from it. */
const CREATED = "2026-01-01T00:00:00Z";

export class FakeStore {
  #version = 1000;
  #nextUid = 1;
  /** Changes up to and including this version are forgotten. */
  #compacted = 1000;
  readonly #objects = new Map<string, Version[]>();
  readonly #paths = new Map<string, ResourcePath>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();

  /** @param window so many changes can be watched from; older versions are gone (410) */
  constructor(private readonly window = 1000) {}

  /** resourceVersion of the whole store. */
  get version(): number {
    return this.#version;
  }

  /** Oldest version that a watch or a continued list may start from. */
  get oldest(): number {
    return this.#compacted;
  }

  /** Told of every change after it was made; returns how to stop that. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Forgets every old version and event: the next watch from an old one gets 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#changes.length = 0;
  }

  /** Changes something nobody looks at, so that the global version moves on. */
  bump(): void {
    this.#version++;
  }

  /** As it was at `version` (default: now), or null. */
  get(path: ResourcePath, version = this.#version): FakeObject | null {
    return this.#at(keyOf(path), version);
  }

  /** Objects of a collection (all namespaces where it names none) at `version`, by key. */
  list(path: ResourcePath, version = this.#version): FakeObject[] {
    const found: [string, FakeObject][] = [];
    for (const [key, stored] of this.#paths) {
      if (!sameCollection(path, stored)) continue;
      const object = this.#at(key, version);
      if (object !== null) found.push([key, object]);
    }
    return found.sort(([a], [b]) => a < b ? -1 : 1).map(([, object]) => object);
  }

  /** Changes of a collection after `version`. */
  changesSince(path: ResourcePath, version: number): Change[] {
    return this.#changes.filter((change) => change.version > version && sameCollection(path, change.path));
  }

  create(path: ResourcePath, body: FakeObject): FakeObject {
    const name = path.name === "" ? body.metadata?.name : path.name;
    if (!name) throw new StatusError(422, "Invalid", "metadata.name: Required value");
    if (body.metadata.resourceVersion) {
      throw new StatusError(500, "InternalError", "resourceVersion should not be set on objects to be created");
    }
    const where = { ...path, name };
    if (this.get(where) !== null) {
      throw new StatusError(409, "AlreadyExists", `${path.resource} "${name}" already exists`);
    }
    const uid = `00000000-0000-4000-8000-${String(this.#nextUid++).padStart(12, "0")}`;
    const namespaced = path.namespace === "" ? {} : { namespace: path.namespace };
    const metadata = { ...body.metadata, name, ...namespaced, uid, creationTimestamp: CREATED };
    return this.#write(where, { apiVersion: path.apiVersion, kind: kindOf(path.resource), ...body, metadata });
  }

  /** PUT: over the named version only; Leases insist on one and may be created by it, as with the real server. */
  update(path: ResourcePath, body: FakeObject): FakeObject {
    const current = this.get(path);
    const lease = path.resource === "leases";
    const { resourceVersion, uid } = body.metadata ?? {};
    if (current === null) {
      if (!lease) throw new StatusError(404, "NotFound", `${path.resource} "${path.name}" not found`);
      if (uid) throw conflict(path, "Precondition failed: UID in precondition");
      const { resourceVersion: _, ...metadata } = body.metadata;
      return this.create(path, { ...body, metadata });
    }
    if (!resourceVersion && lease) {
      throw new StatusError(
        422,
        "Invalid",
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update",
      );
    }
    this.#check(path, current, { resourceVersion, uid });
    return this.#replace(path, current, body);
  }

  /** RFC 7386; a resourceVersion or uid inside is a condition. */
  mergePatch(path: ResourcePath, patch: FakeObject): FakeObject {
    const current = this.#existing(path);
    this.#check(path, current, { resourceVersion: patch.metadata?.resourceVersion, uid: patch.metadata?.uid });
    return this.#replace(path, current, merge(current, patch) as FakeObject);
  }

  delete(path: ResourcePath, conditions: Conditions = {}): FakeObject {
    const current = this.#existing(path);
    this.#check(path, current, conditions);
    const version = ++this.#version;
    const last = { ...current, metadata: { ...current.metadata, resourceVersion: String(version) } };
    this.#record(path, { version, path, before: last, after: null });
    return last;
  }

  #existing(path: ResourcePath): FakeObject {
    const current = this.get(path);
    if (current === null) throw new StatusError(404, "NotFound", `${path.resource} "${path.name}" not found`);
    return current;
  }

  #check(path: ResourcePath, current: FakeObject, conditions: Conditions): void {
    const { resourceVersion, uid } = conditions;
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
      throw conflict(
        path,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    }
    if (uid && uid !== current.metadata.uid) throw conflict(path, "Precondition failed: UID in precondition");
  }

  #replace(path: ResourcePath, current: FakeObject, body: FakeObject): FakeObject {
    const { name, namespace, uid, creationTimestamp, resourceVersion } = current.metadata;
    const kept = { name, ...(namespace === undefined ? {} : { namespace }), uid, creationTimestamp, resourceVersion };
    const next = {
      apiVersion: current.apiVersion,
      kind: current.kind,
      ...body,
      metadata: { ...body.metadata, ...kept },
    } as FakeObject;
    // An update that changes nothing makes no new version.
    if (canonical(next) === canonical(current)) return current;
    return this.#write(path, next);
  }

  #write(path: ResourcePath, object: FakeObject): FakeObject {
    const version = ++this.#version;
    const before = this.#at(keyOf(path), version);
    const after = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.#record(path, { version, path, before, after });
    return after;
  }

  #record(path: ResourcePath, change: Change): void {
    const key = keyOf(path);
    this.#paths.set(key, path);
    const versions = this.#objects.get(key) ?? [];
    versions.push({ version: change.version, object: change.after });
    this.#objects.set(key, versions);
    this.#changes.push(change);
    if (this.#changes.length > this.window) this.#compacted = this.#changes.shift()?.version ?? this.#compacted;
    for (const listener of [...this.#listeners]) listener(change);
  }

  #at(key: string, version: number): FakeObject | null {
    return this.#objects.get(key)?.findLast((entry) => entry.version <= version)?.object ?? null;
  }
}

/** What a write may be conditional on. */
export interface Conditions {
  readonly resourceVersion?: string | undefined;
  readonly uid?: string | undefined;
}

function conflict(path: ResourcePath, why: string): StatusError {
  return new StatusError(409, "Conflict", `Operation cannot be fulfilled on ${path.resource} "${path.name}": ${why}`);
}

function keyOf(path: ResourcePath): string {
  return `${path.apiVersion}/${path.resource}/${path.namespace}/${path.name}`;
}

function sameCollection(wanted: ResourcePath, stored: ResourcePath): boolean {
  return wanted.apiVersion === stored.apiVersion && wanted.resource === stored.resource &&
    (wanted.namespace === "" || wanted.namespace === stored.namespace);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (!isRecord(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
