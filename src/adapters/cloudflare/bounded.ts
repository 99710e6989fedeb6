/**
 * Calls that may hang.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";

type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/**
 * What `promise` gives, but not after `ms`; it goes on all the same.
 *
 * @throws {GrantwayError} `timeout`
 */
export async function bounded<T>(
  promise: Promise<T>,
  ms: number,
  action: string,
  sleep: Sleep,
  signal?: AbortSignal,
): Promise<T> {
  const timer = new AbortController();
  const signals = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  const timeout = sleep(ms, signals).then(() => {
    throw new GrantwayError("timeout", `Cannot ${action}: no answer in time`, { retryable: true });
  });
  // Whoever loses the race has nobody who listens.
  timeout.catch(() => {});
  promise.catch(() => {});
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}
