/**
 * Brings what readers take to KV: the newest generation, at most once in a second, again when KV
 * refuses. It may fail: readers ask the object then.
 *
 * @module
 */

import type { KvStore } from "../../credentials/kv_store.ts";
import { bounded } from "./bounded.ts";
import {
  accessKey,
  type CredentialName,
  type CredentialRecord,
  withoutGrant,
} from "./credential_record.ts";

const PUT_TIMEOUT_MS = 10_000;
const MAX_FAILURES = 5;

/** What a publisher is made of. */
export interface PublisherOptions {
  /** Whose records. */
  name: CredentialName;
  /** KV, sealed. */
  kv: KvStore;
  /** Has the list of credentials name this one, or not. */
  list: (isThere: boolean) => Promise<void>;
  /** Between two writes of one key, ms. */
  spacingMs: number;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Goes on with `promise` when its caller has gone. */
  waitUntil: (promise: Promise<unknown>) => void;
  /** Told of failures. */
  onWarning: (message: string) => void;
}

/** Publishes one credential. */
export interface Publisher {
  /** Since when KV has had the newest record, ms since the epoch; undefined while it has not. */
  readonly publishedAt: number | undefined;
  /** Writes `record`; resolves when it, or a newer one, is written or given up. */
  publish(record: CredentialRecord): Promise<void>;
  /** Resolves when nothing is left to publish. */
  settled(): Promise<void>;
  /** An earlier instance has published `record`, most likely. */
  assume(record: CredentialRecord): void;
}

/** Creates a publisher. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { name, kv, spacingMs, now, sleep, random, onWarning } = options;
  let wanted: CredentialRecord | undefined;
  let running: Promise<void> | undefined;
  let publishedAt: number | undefined;
  let listed: boolean | undefined;

  const spaced = () => sleep(spacingMs * (1 + 0.3 * random()));

  async function run(): Promise<void> {
    for (let failures = 0; wanted !== undefined;) {
      const record = wanted;
      try {
        const text = JSON.stringify(withoutGrant(record));
        await bounded(kv.put(accessKey(name), text), PUT_TIMEOUT_MS, `publish ${name.id}`, sleep);
        await list(record.credential !== null);
        if (wanted === record) {
          wanted = undefined;
          publishedAt = now();
        }
      } catch (error) {
        onWarning((error as Error).message);
        if (++failures >= MAX_FAILURES) wanted = undefined;
      }
      if (wanted !== undefined) {
        for (let steps = 2 ** failures; steps > 0; steps--) await spaced();
      }
    }
  }

  async function list(isThere: boolean): Promise<void> {
    if (listed === isThere) return;
    await bounded(options.list(isThere), PUT_TIMEOUT_MS, "change the accounts", sleep);
    listed = isThere;
  }

  return {
    get publishedAt(): number | undefined {
      return wanted === undefined ? publishedAt : undefined;
    },

    publish(record: CredentialRecord): Promise<void> {
      wanted = record;
      publishedAt = undefined;
      running ??= run().finally(() => running = undefined);
      options.waitUntil(running);
      return running;
    },

    settled: (): Promise<void> => running ?? Promise.resolve(),

    assume(): void {
      publishedAt = now();
    },
  };
}
