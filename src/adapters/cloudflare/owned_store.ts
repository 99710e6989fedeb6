/**
 * A store whose every record has one writer: a Durable Object. Its storage holds the truth; what it
 * writes goes to KV as well, where isolates near users read it.
 *
 * - A record is in the storage before it is in KV. What KV did not take stands in a list of its own, and
 *   is brought there later.
 * - What was never written here is read from KV, as an earlier version has left it.
 * - A removed record stays here as a row without text: KV may go on showing it for a while.
 *
 * Texts are sealed by whoever wraps this; nothing here opens one.
 *
 * @module
 */

import { CredentialError, type GrantwayError } from "../../core/errors.ts";
import type { KeyPage, KvStore, PutOptions } from "../../credentials/kv_store.ts";
import { createMemoryStore } from "../../credentials/memory_store.ts";
import { bounded } from "./bounded.ts";
import type { ObjectStorage } from "./durable_object.ts";

const OWN = "own/";
const BEHIND = "behind/";
const PAGE_SIZE = 500;
const KV_TIMEOUT_MS = 5_000;
const KV_TRIES = 3;
/** KV takes one write a second of a key. */
const PUT_SPACING_MS = 1_100;
const RETRY_MS = 30_000;
const MAX_BEHIND = 20;
/** A write that was given up may still come for so long. */
const LATE_MS = 60_000;

/** What is stored of a record. */
export interface OwnedRow {
  /** Null once removed. */
  text: string | null;
  /** Instant after which it reads as absent, ms since the epoch. */
  expiresAt?: number | undefined;
}

/** What an owned store is made of. */
export interface OwnedStoreOptions {
  /** The object's own storage. */
  storage: ObjectStorage;
  /** KV, as it is. */
  kv: KvStore;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** A store that an object owns. */
export interface OwnedStore extends KvStore {
  /** The row of a record; undefined for one that was never written here. */
  row(key: string): Promise<OwnedRow | undefined>;
  /** So many rows behind `after`, in the order of keys. */
  rows(after: string, limit: number): Promise<[key: string, row: OwnedRow][]>;
  /** How many records KV did not take yet. */
  behind(): Promise<number>;
  /** Brings to KV what it did not take, some records at once; sets the alarm while any is left. */
  catchUp(): Promise<void>;
}

/** Creates it; nothing is read before it is used. */
export function createOwnedStore(options: OwnedStoreOptions): OwnedStore {
  const { storage, kv, now, sleep } = options;
  const { withLease } = createMemoryStore({ now, sleep });
  /** Until when a write that was given up may undo a newer one, by key, ms since the epoch. */
  const lateUntil = new Map<string, number>();
  const isLive = ({ text, expiresAt }: OwnedRow) =>
    text !== null && (expiresAt === undefined || expiresAt > now());

  async function row(key: string): Promise<OwnedRow | undefined> {
    const found = await storage.get([OWN + key]).catch(failed("storage_read", `read ${key}`));
    return found.get(OWN + key) as OwnedRow | undefined;
  }

  /** Brings the newest of a record to KV, one write after the other. */
  const publish = (key: string): Promise<void> =>
    withLease(key, async () => {
      const { text, expiresAt } = await row(key) ?? { text: null };
      const put = text === null ? kv.delete(key) : kv.put(key, text, { expiresAt });
      try {
        await bounded(put, KV_TIMEOUT_MS, `write ${key} to KV`, sleep);
      } catch (error) {
        if ((error as GrantwayError).code === "timeout") lateUntil.set(key, now() + LATE_MS);
        throw error;
      }
      // What was written meanwhile is still to come.
      const newest = (await row(key))?.text ?? null;
      if (newest !== text || now() < (lateUntil.get(key) ?? 0)) return;
      lateUntil.delete(key);
      await storage.delete([BEHIND + key]);
    });

  async function write(key: string, written: OwnedRow): Promise<void> {
    // Started together, so that they are one transaction.
    await Promise.all([
      storage.put({ [OWN + key]: written, [BEHIND + key]: true }),
      storage.setAlarm(now() + RETRY_MS),
    ]).catch(failed("storage_write", `write ${key}`));
    for (let tries = 1;; tries++) {
      try {
        return await publish(key);
      } catch (cause) {
        // What came too late may still arrive: the alarm writes it again.
        if (tries === KV_TRIES || (cause as GrantwayError).code === "timeout") {
          const state = `Saved ${key}, but KV did not take it: gateways see it later`;
          throw new CredentialError("storage_write", state, { cause, retryable: true });
        }
        await sleep(PUT_SPACING_MS);
      }
    }
  }

  const behindKeys = async (limit: number) =>
    [...(await storage.list({ prefix: BEHIND, limit })).keys()]
      .map((key) => key.slice(BEHIND.length));

  return {
    row,

    async get(key: string): Promise<string | null> {
      const own = await row(key);
      if (own === undefined) return await kv.get(key);
      return isLive(own) ? own.text : null;
    },

    put: (key: string, text: string, { expiresAt }: PutOptions = {}): Promise<void> =>
      write(key, { text, expiresAt }),

    delete: (key: string): Promise<void> => write(key, { text: null }),

    async list({ prefix, cursor }): Promise<KeyPage> {
      // First what is owned, to its end; then what KV has besides.
      if (cursor === undefined || cursor.startsWith(OWN)) {
        const range = { prefix: OWN + prefix, limit: PAGE_SIZE };
        const found = await storage.list(
          cursor === undefined ? range : { ...range, startAfter: cursor },
        ).catch(failed("storage_read", `list ${prefix}`));
        const entries = [...found] as [string, OwnedRow][];
        const ended = entries.filter(([, own]) => own.text !== null && !isLive(own));
        // Those that are not removed now are so with the next listing.
        if (ended.length > 0) {
          await storage.delete(ended.slice(0, 128).map(([key]) => key)).catch(() => {});
        }
        const keys = entries.filter(([, own]) => isLive(own))
          .map(([key]) => key.slice(OWN.length));
        return { keys, cursor: entries.length < PAGE_SIZE ? "kv/" : entries.at(-1)![0] };
      }
      const rest = cursor.slice("kv/".length);
      const page = await kv.list(rest === "" ? { prefix } : { prefix, cursor: rest });
      const keys: string[] = [];
      for (const key of page.keys) if (await row(key) === undefined) keys.push(key);
      const { cursor: next } = page;
      return next === undefined ? { keys } : { keys, cursor: `kv/${next}` };
    },

    async rows(after: string, limit: number): Promise<[key: string, row: OwnedRow][]> {
      const found = await storage.list({
        prefix: OWN,
        limit,
        ...(after === "" ? {} : { startAfter: OWN + after }),
      });
      return ([...found] as [string, OwnedRow][])
        .map(([key, own]) => [key.slice(OWN.length), own]);
    },

    behind: async (): Promise<number> => (await behindKeys(PAGE_SIZE)).length,

    async catchUp(): Promise<void> {
      const keys = await behindKeys(MAX_BEHIND);
      // Set before: a run that ends in the middle is followed by another.
      if (keys.length > 0) await storage.setAlarm(now() + RETRY_MS);
      let failure: unknown;
      for (const key of keys) {
        try {
          await publish(key);
        } catch (error) {
          // A record that KV refuses holds up no other; where it does not answer, all would wait.
          if ((error as GrantwayError).code === "timeout") throw error;
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
    },
  };
}

function failed(
  code: "storage_read" | "storage_write",
  action: string,
): (cause: unknown) => never {
  return (cause) => {
    const state = `Cannot ${action}: the object's storage failed`;
    throw new CredentialError(code, state, { cause, retryable: true });
  };
}
