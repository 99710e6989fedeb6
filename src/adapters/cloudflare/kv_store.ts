/**
 * {@linkcode KvStore} over Workers KV.
 *
 * What KV cannot do: it has no compare-and-set and no mutual exclusion, so there is no `Lease` here
 * and a refresh token must not be spent over it alone; a read elsewhere may be a minute old or more,
 * "there is none" included; a key takes one write per second; nothing expires in under 60 s. The
 * last one is made up for: the exact instant stands in the record's metadata and is checked on read.
 *
 * @see {@link https://developers.cloudflare.com/kv/api/ | Workers KV API}
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import type { KeyPage, KvStore, PutOptions } from "../../credentials/kv_store.ts";

/** What is used of a Workers `KVNamespace`. */
export interface KvNamespace {
  /** Reads a value and the metadata it was written with. */
  getWithMetadata(
    key: string,
    type: "text",
  ): Promise<{ value: string | null; metadata: unknown }>;
  /** Writes; `expiration` is an instant in seconds since the epoch. */
  put(
    key: string,
    value: string,
    options?: { expiration?: number; metadata?: unknown },
  ): Promise<void>;
  /** Removes. */
  delete(key: string): Promise<void>;
  /** One page of at most 1,000 keys in code-unit order. */
  list(options: { prefix: string; cursor?: string }): Promise<{
    keys: { name: string; metadata?: unknown }[];
    list_complete: boolean;
    cursor?: string;
  }>;
}

/** Options of {@linkcode createKvStore}. */
export interface KvStoreOptions {
  /** Wall clock, ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
}

// KV refuses less than 60 s by its own clock, which is not ours.
const MIN_LIFETIME_MS = 65_000;

/** Creates a store over a namespace. */
export function createKvStore(namespace: KvNamespace, options: KvStoreOptions = {}): KvStore {
  const { now = () => Date.now() } = options;
  const isLive = (metadata: unknown) => {
    const expiresAt = (metadata as { expiresAt?: unknown } | null | undefined)?.expiresAt;
    return typeof expiresAt !== "number" || expiresAt > now();
  };

  return {
    async get(key: string): Promise<string | null> {
      const { value, metadata } = await namespace.getWithMetadata(key, "text")
        .catch(kvError("storage_read", `read ${key}`));
      return isLive(metadata) ? value : null;
    },

    async put(key: string, value: string, { expiresAt }: PutOptions = {}): Promise<void> {
      await namespace.put(
        key,
        value,
        expiresAt === undefined ? {} : {
          expiration: Math.ceil(Math.max(expiresAt, now() + MIN_LIFETIME_MS) / 1000),
          metadata: { expiresAt },
        },
      ).catch(kvError("storage_write", `write ${key}`));
    },

    async delete(key: string): Promise<void> {
      await namespace.delete(key).catch(kvError("storage_write", `delete ${key}`));
    },

    async list({ prefix, cursor }): Promise<KeyPage> {
      const page = await namespace.list(cursor === undefined ? { prefix } : { prefix, cursor })
        .catch(kvError("storage_read", `list ${prefix}`));
      const keys = page.keys.filter(({ metadata }) => isLive(metadata)).map(({ name }) => name);
      return page.list_complete || page.cursor === undefined
        ? { keys }
        : { keys, cursor: page.cursor };
    },
  };
}

function kvError(code: "storage_read" | "storage_write", action: string): (e: unknown) => never {
  return (cause) => {
    throw new CredentialError(code, `Cannot ${action}: Workers KV failed`, {
      cause,
      retryable: true,
    });
  };
}
