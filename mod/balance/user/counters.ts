/**
 * What a thread counts for one balancer, in memory that the main thread sees as well: the status is known without asking. Each cell has one
 * writer; a number of 64 bits is read whole on both machines.
 */

/** Cells of the thread itself, before those of the slots. */
const HEAD = 1;
const ACCEPTED = 0;
/** Cells of a slot. */
const CELLS = 5;
const Cell = { connections: 0, total: 1, failures: 2, bytes: 3, ejected: 4 } as const;
/** Fewer would have to be shared after some changes of the backends. */
const LEAST_SLOTS = 512;

/** One backend's counters. */
export interface Counts {
  readonly connections: number;
  readonly total: number;
  readonly failures: number;
  readonly bytes: number;
}

/** The counters of one balancer in one thread. A slot is where a backend counts; what has no slot of its own shares the last one. */
export class Counters {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  readonly #cells: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#cells = new Float64Array(buffer);
    this.slots = Math.floor((this.#cells.length - HEAD) / CELLS);
  }

  /** For that many backends and as many again that may come. */
  static make(backends: number): Counters {
    const slots = Math.max(LEAST_SLOTS, backends * 4);
    return new Counters(new SharedArrayBuffer((HEAD + slots * CELLS) * Float64Array.BYTES_PER_ELEMENT));
  }

  /** Clients ever accepted. */
  get accepted(): number {
    return this.#cells[ACCEPTED] ?? 0;
  }

  countAccepted(): void {
    this.#cells[ACCEPTED] = this.accepted + 1;
  }

  of(slot: number): Counts {
    const at = this.#at(slot);
    const [connections = 0, total = 0, failures = 0, bytes = 0] = this.#cells.subarray(at, at + CELLS);
    return { connections, total, failures, bytes };
  }

  began(slot: number): void {
    this.#add(slot, Cell.connections, 1);
    this.#add(slot, Cell.total, 1);
  }

  ended(slot: number): void {
    this.#add(slot, Cell.connections, -1);
  }

  failed(slot: number): void {
    this.#add(slot, Cell.failures, 1);
  }

  moved(slot: number, bytes: number): void {
    this.#add(slot, Cell.bytes, bytes);
  }

  isEjected(slot: number): boolean {
    return this.#cells[this.#at(slot) + Cell.ejected] === 1;
  }

  setEjected(slot: number, isEjected: boolean): void {
    this.#cells[this.#at(slot) + Cell.ejected] = isEjected ? 1 : 0;
  }

  #at(slot: number): number {
    return HEAD + Math.min(slot, this.slots - 1) * CELLS;
  }

  #add(slot: number, cell: number, by: number): void {
    const at = this.#at(slot) + cell;
    this.#cells[at] = (this.#cells[at] ?? 0) + by;
  }
}

/** Places that are taken, perhaps for a connection that turns out not to be there; connections that are. */
const Client = { places: 0, open: 1 } as const;

/** The clients of one balancer, of all its threads together. */
export class OpenClients {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer);
  }

  /** Connections that are open. */
  get count(): number {
    return Atomics.load(this.#cells, Client.open);
  }

  /** Takes a place unless `max` are taken; gives whether. */
  take(max: number): boolean {
    if (Atomics.add(this.#cells, Client.places, 1) < max) return true;
    this.giveBack();
    return false;
  }

  /** There was nobody for the place. */
  giveBack(): void {
    Atomics.sub(this.#cells, Client.places, 1);
  }

  /** The place is somebody's. */
  opened(): void {
    Atomics.add(this.#cells, Client.open, 1);
  }

  /** Who had the place has gone. */
  closed(): void {
    Atomics.sub(this.#cells, Client.open, 1);
    this.giveBack();
  }
}
