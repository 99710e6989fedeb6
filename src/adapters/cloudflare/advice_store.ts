/**
 * A {@linkcode KvStore} for what is advice: which accounts rest, and in which order they are tried. It
 * answers from memory, writes behind, and never fails a request; two isolates may differ for a while.
 *
 * @module
 */

import type { KeyPage, KvStore } from "../../credentials/kv_store.ts";
import { bounded } from "./bounded.ts";
import { createSharedCalls } from "./shared_calls.ts";
import type { WaitUntil } from "./wait_until.ts";

const MEMORY_MS = 15_000;
const KV_TIMEOUT_MS = 2_000;
/** KV takes one write a second of a key. */
const WRITE_DELAY_MS = 1_200;

/** What a store of advice is made of. */
export interface AdviceStoreOptions {
  /** KV. */
  kv: KvStore;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Goes on with what is written behind. */
  waitUntil: WaitUntil;
  /** Told what could not be read or written. */
  onWarning: (message: string) => void;
}

/** Creates a store of advice. */
export function createAdviceStore(options: AdviceStoreOptions): KvStore {
  const { kv, now, sleep, waitUntil, onWarning } = options;
  const memory = new Map<string, { value: string | null; readAt: number; isWritten: boolean }>();
  const shared = createSharedCalls(sleep);
  const warn = (error: unknown) => onWarning((error as Error).message);

  function writeBehind(key: string): void {
    // What comes in between is written along.
    const writing = sleep(WRITE_DELAY_MS).then(async () => {
      const entry = memory.get(key)!;
      entry.isWritten = true;
      await (entry.value === null ? kv.delete(key) : kv.put(key, entry.value));
    });
    waitUntil(writing.catch(warn));
  }

  function change(key: string, value: string | null): Promise<void> {
    const isPending = memory.get(key)?.isWritten === false;
    memory.set(key, { value, readAt: now(), isWritten: false });
    if (!isPending) writeBehind(key);
    return Promise.resolve();
  }

  return {
    async get(key: string): Promise<string | null> {
      const known = memory.get(key);
      const ageMs = known === undefined ? Infinity : now() - known.readAt;
      if (ageMs >= 0 && ageMs < MEMORY_MS) return known!.value;
      try {
        const value = await shared(
          key,
          () => bounded(kv.get(key), KV_TIMEOUT_MS, `read ${key}`, sleep),
        );
        // Something may have been written meanwhile.
        if (memory.get(key) === known) memory.set(key, { value, readAt: now(), isWritten: true });
      } catch (error) {
        warn(error);
      }
      return memory.get(key)?.value ?? null;
    },
    put: (key: string, value: string): Promise<void> => change(key, value),
    delete: (key: string): Promise<void> => change(key, null),
    list: (options): Promise<KeyPage> => kv.list(options),
  };
}
