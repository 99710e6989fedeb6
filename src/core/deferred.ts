/**
 * A promise and what settles it.
 *
 * @module
 */

/** A promise and what settles it. */
export interface Deferred<T> {
  /** Pending until one of the two is called. */
  promise: Promise<T>;
  /** Fulfils it. */
  resolve: (value: T | PromiseLike<T>) => void;
  /** Rejects it. */
  reject: (reason: unknown) => void;
}

/** `Promise.withResolvers()`, which Node has from version 22 on only. */
export function createDeferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
