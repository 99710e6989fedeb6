/**
 * Both storage interfaces over a Map: for tests, for the library without a disk, for one process.
 *
 * @module
 */

import { createDeferred } from "../core/deferred.ts";
import { CredentialError } from "../core/errors.ts";
import { parseJsonObject } from "../core/http.ts";
import { sleep as defaultSleep } from "../core/runtime.ts";
import { parseCredentialKey } from "./credential.ts";
import { refuseEarlier } from "./document.ts";
import type { HeldLease, KeyPage, KvStore, Lease, LeaseOptions, PutOptions } from "./kv_store.ts";

/** Options of {@linkcode createMemoryStore}. */
export interface MemoryStoreOptions {
  /** Wall clock, ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** Waits; bounds the wait for a lease. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
}

/** A store that lives as long as this object. */
export interface MemoryStore extends KvStore, Lease {}

/** Creates an empty memory store. */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { now = () => Date.now(), sleep = defaultSleep } = options;
  const records = new Map<string, { value: string; expiresAt: number | undefined }>();
  /** Those that wait for a lease; a name without entry is free. */
  const waiters = new Map<string, (() => void)[]>();

  const live = (key: string) => {
    const record = records.get(key);
    if (record?.expiresAt !== undefined && record.expiresAt <= now()) records.delete(key);
    return records.get(key);
  };

  async function acquire(name: string, { signal, timeoutMs = 60_000 }: LeaseOptions) {
    signal?.throwIfAborted();
    const queue = waiters.get(name);
    if (queue === undefined) {
      waiters.set(name, []);
      return;
    }
    const { promise, resolve } = createDeferred<void>();
    queue.push(resolve);
    const timer = new AbortController();
    const giveUp = async () => {
      await sleep(timeoutMs, AbortSignal.any([timer.signal, ...(signal ? [signal] : [])]));
      throw new CredentialError("lease_timeout", `Cannot take the lease ${name}: it is held`, {
        retryable: true,
      });
    };
    try {
      await Promise.race([promise, giveUp()]);
    } catch (error) {
      const index = queue.indexOf(resolve);
      // Handed over in the same moment: pass it on.
      if (index < 0) release(name);
      else queue.splice(index, 1);
      throw error;
    } finally {
      timer.abort();
    }
  }

  function release(name: string): void {
    const next = waiters.get(name)?.shift();
    if (next === undefined) waiters.delete(name);
    else next();
  }

  return {
    get: (key: string): Promise<string | null> => Promise.resolve(live(key)?.value ?? null),

    // deno-lint-ignore require-await -- an error must reject, not throw
    async put(key: string, value: string, { expiresAt }: PutOptions = {}): Promise<void> {
      const stored = live(key);
      if (stored !== undefined && parseCredentialKey(key) !== undefined) {
        refuseEarlier(key, parseJsonObject(value) ?? {}, parseJsonObject(stored.value) ?? {});
      }
      records.set(key, { value, expiresAt });
    },

    delete(key: string): Promise<void> {
      records.delete(key);
      return Promise.resolve();
    },

    list({ prefix }: { prefix: string }): Promise<KeyPage> {
      const keys = [...records.keys()].filter((key) => key.startsWith(prefix) && live(key)).sort();
      return Promise.resolve({ keys });
    },

    async withLease<T>(
      name: string,
      run: (held: HeldLease) => Promise<T>,
      options: LeaseOptions = {},
    ): Promise<T> {
      await acquire(name, options);
      try {
        return await run({
          unproven: false,
          prove: () => Promise.resolve(),
          isHeld: () => Promise.resolve(true),
        });
      } finally {
        release(name);
      }
    },
  };
}
