/**
 * What is used of Durable Objects.
 *
 * @see {@link https://developers.cloudflare.com/durable-objects/api/ | Durable Objects API}
 * @module
 */

/** The storage of one object. Nothing outgoing leaves before what was written is durable. */
export interface ObjectStorage {
  /** The values under those keys that have one. */
  get(keys: string[]): Promise<Map<string, unknown>>;
  /** Writes all or nothing. */
  put(entries: Record<string, unknown>): Promise<unknown>;
  /** Removes; without effect for keys without a value. */
  delete(keys: string[]): Promise<unknown>;
  /** One page in the order of keys. */
  list(options: { prefix: string; startAfter?: string; limit?: number }): Promise<
    Map<string, unknown>
  >;
  /** Resolves once everything written is durable. */
  sync(): Promise<void>;
  /** Has `alarm()` called at that instant, ms since the epoch, instead of at any earlier one. */
  setAlarm(at: number): Promise<void>;
  /** Has `alarm()` not called. */
  deleteAlarm(): Promise<void>;
}

/** What an object is made with. */
export interface ObjectState {
  /** Its storage. */
  storage: ObjectStorage;
  /** Goes on with `promise` when its caller has gone. */
  waitUntil(promise: Promise<unknown>): void;
}

/** The way to one object. It breaks with the object; another one is made then. */
export interface ObjectStub {
  /** Sends a request to the object; the URL's host means nothing. */
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/** The objects of one class. */
export interface ObjectNamespace {
  /** The id of the object with that name. */
  idFromName(name: string): unknown;
  /** The way to it. */
  get(id: unknown): ObjectStub;
}
