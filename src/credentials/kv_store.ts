/**
 * The two storage interfaces. Everything that Grantway keeps goes through them.
 *
 * @module
 */

/** Options of {@linkcode KvStore.put}. */
export interface PutOptions {
  /** Instant after which the value reads as absent, ms since the epoch. */
  expiresAt?: number | undefined;
}

/** One page of keys. */
export interface KeyPage {
  /** Keys in code-unit order; a store that keeps credentials in an order of its own lists them in it. */
  keys: string[];
  /** Where the next page starts; absent on the last. */
  cursor?: string | undefined;
}

/** Text values under text keys. */
export interface KvStore {
  /** The value, or null when there is none. An unreadable store is an error, never null. */
  get(key: string): Promise<string | null>;
  /** Writes durably before it resolves. */
  put(key: string, value: string, options?: PutOptions): Promise<void>;
  /** Removes; without effect when there is none. */
  delete(key: string): Promise<void>;
  /** One page of the keys that start with `prefix`. */
  list(options: { prefix: string; cursor?: string | undefined }): Promise<KeyPage>;
}

/** Options of {@linkcode Lease.withLease}. */
export interface LeaseOptions {
  /** Gives up waiting. It does not interrupt `run`. */
  signal?: AbortSignal | undefined;
  /** How long to wait for the lease, ms; 0 tries once. Default: 60,000. */
  timeoutMs?: number | undefined;
}

/** What a holder may ask about the lease it holds. */
export interface HeldLease {
  /**
   * Whether nobody can be sure that an earlier holder is gone, as after somebody removed the lock
   * file: a request of its may still be in flight.
   */
  readonly unproven: boolean;
  /**
   * Every earlier holder is known to be gone: for the next one, the lease is proven. Without effect
   * where it is proven already.
   */
  prove(): Promise<void>;
  /** Whether the lease still excludes others; asked once more before what cannot be undone. */
  isHeld(): Promise<boolean>;
}

/**
 * Mutual exclusion among everything that shares a store. A store without it (Cloudflare KV alone)
 * cannot refresh a rotating token.
 */
export interface Lease {
  /**
   * Runs `run` while no other holder of `name` runs, in this process or any other.
   *
   * @throws {CredentialError} `lease_timeout` when another holder kept it for the whole wait; its
   * message names that holder where it is known.
   */
  withLease<T>(
    name: string,
    run: (held: HeldLease) => Promise<T>,
    options?: LeaseOptions,
  ): Promise<T>;
}

/** Every key under a prefix, page by page. */
export async function listAllKeys(store: KvStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ prefix, cursor });
    keys.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}
