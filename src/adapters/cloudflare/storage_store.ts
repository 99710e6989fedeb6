/**
 * {@linkcode KvStore} over the storage of a Durable Object: strongly consistent, and nobody else's. What
 * has expired is absent at once, and removed when it is listed.
 *
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import type { KeyPage, KvStore, PutOptions } from "../../credentials/kv_store.ts";
import type { ObjectStorage } from "./durable_object.ts";

const PAGE_SIZE = 500;

interface StoredValue {
  value: string;
  expiresAt?: number | undefined;
}

/** Creates a store over an object's storage. */
export function createStorageStore(storage: ObjectStorage, now: () => number): KvStore {
  const isLive = ({ expiresAt }: StoredValue) => expiresAt === undefined || expiresAt > now();
  return {
    async get(key: string): Promise<string | null> {
      const found = await storage.get([key]).catch(storageError("storage_read", `read ${key}`));
      const stored = found.get(key) as StoredValue | undefined;
      return stored !== undefined && isLive(stored) ? stored.value : null;
    },

    async put(key: string, value: string, { expiresAt }: PutOptions = {}): Promise<void> {
      await storage.put({ [key]: { value, expiresAt } satisfies StoredValue })
        .catch(storageError("storage_write", `write ${key}`));
    },

    async delete(key: string): Promise<void> {
      await storage.delete([key]).catch(storageError("storage_write", `delete ${key}`));
    },

    async list({ prefix, cursor }): Promise<KeyPage> {
      const options = { prefix, limit: PAGE_SIZE };
      const found = await storage.list(
        cursor === undefined ? options : { ...options, startAfter: cursor },
      ).catch(storageError("storage_read", `list ${prefix}`));
      const entries = [...found] as [string, StoredValue][];
      const ended = entries.filter(([, stored]) => !isLive(stored)).map(([key]) => key);
      // Those that are not removed now are so with the next listing.
      if (ended.length > 0) await storage.delete(ended.slice(0, 128)).catch(() => {});
      const keys = entries.filter(([, stored]) => isLive(stored)).map(([key]) => key);
      return entries.length < PAGE_SIZE ? { keys } : { keys, cursor: entries.at(-1)![0] };
    },
  };
}

function storageError(
  code: "storage_read" | "storage_write",
  action: string,
): (cause: unknown) => never {
  return (cause) => {
    const state = `Cannot ${action}: the object's storage failed`;
    throw new CredentialError(code, state, { cause, retryable: true });
  };
}
