/**
 * A store whose secrets are sealed, around any other store.
 *
 * - Of a credential only `tokens` is sealed: that field becomes a text, and every other field stays
 *   what it was. So a file store's document remains JSON that people and `jq` read, and the stores go
 *   on seeing what they decide by, such as generation, status and intent.
 * - Any other record is sealed as a whole.
 * - A seal is bound to its record's key and generation. Tokens of another record, or of an earlier
 *   generation of this one, are refused. A whole older record is for the reader to notice: its
 *   generation, which is authentic, is lower than the one the reader knows.
 * - Every write seals with the ring's first key, whatever key or none the record had before. A record
 *   that cannot be opened is an error for its reader, and is neither changed nor removed.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import { type JsonObject, parseJsonObject } from "../core/http.ts";
import { parseCredentialKey } from "./credential.ts";
import type { HeldLease, KeyPage, KvStore, Lease, LeaseOptions, PutOptions } from "./kv_store.ts";
import { isSealed, keyMissing, type Sealer, sealingKeyId } from "./sealing.ts";

/** How a record is kept. */
export type SealState =
  /** Holds nothing that is sealed; a credential without tokens has nothing to seal. */
  | { kind: "empty" }
  /** Readable by whoever reads the store. */
  | { kind: "plain" }
  /** Sealed; `keyId` is absent when the record names no key. */
  | { kind: "sealed"; keyId: string | undefined };

/** Options of {@linkcode createSealedStore}. */
export interface SealedStoreOptions {
  /** Seals and opens; without one the store is as plain as the one below. */
  sealer?: Sealer | undefined;
  /**
   * Takes records that are not sealed, and seals them with their next write: how a plain store becomes
   * a sealed one. Where others may write to the store it must be off, or they could plant theirs.
   */
  acceptsPlain: boolean;
}

/** A store that can say how it keeps a record. */
export interface SealedStore extends KvStore {
  /** How the record under `key` is kept. Needs no key of the ring. */
  sealState(key: string): Promise<SealState>;
}

/**
 * Wraps a store, and its leases where it has them.
 *
 * @throws {TypeError} When there is no sealer and plain records are not accepted.
 */
export function createSealedStore(
  store: KvStore & Lease,
  options: SealedStoreOptions,
): SealedStore & Lease;
/** Wraps a store that has no leases. */
export function createSealedStore(store: KvStore, options: SealedStoreOptions): SealedStore;
export function createSealedStore(
  store: KvStore & Partial<Lease>,
  { sealer, acceptsPlain }: SealedStoreOptions,
): SealedStore & Partial<Lease> {
  if (sealer === undefined && !acceptsPlain) {
    throw new TypeError("A store that accepts nothing plain needs a sealer");
  }

  async function open(sealed: string, key: string): Promise<{ text: string; generation: number }> {
    if (sealer === undefined) throw keyMissing(sealed, key, false);
    return await sealer.open(sealed, key);
  }

  function plain(key: string): void {
    if (acceptsPlain) return;
    throw corrupt(key, "it is not sealed");
  }

  const sealed: SealedStore = {
    async get(key: string): Promise<string | null> {
      const stored = await store.get(key);
      if (stored === null) return null;
      if (parseCredentialKey(key) === undefined) {
        if (!isSealed(stored)) {
          plain(key);
          return stored;
        }
        const { text, generation } = await open(stored, key);
        if (generation !== generationOf(parseJsonObject(text))) {
          throw corrupt(key, "what is sealed in it is of another generation");
        }
        return text;
      }

      const record = parseJsonObject(stored);
      // Not a credential: for whoever parses it to say so.
      if (record === undefined || !hasTokens(record)) return stored;
      if (typeof record["tokens"] !== "string") {
        plain(key);
        return stored;
      }
      const { text, generation } = await open(record["tokens"], key);
      if (generation !== generationOf(record)) {
        throw corrupt(key, `its tokens are of generation ${generation}, and it is not`);
      }
      record["tokens"] = JSON.parse(text);
      return JSON.stringify(record);
    },

    async put(key: string, value: string, options?: PutOptions): Promise<void> {
      if (sealer === undefined) return await store.put(key, value, options);
      const record = parseJsonObject(value);
      const generation = generationOf(record);
      if (parseCredentialKey(key) === undefined) {
        return await store.put(key, await sealer.seal(value, key, generation), options);
      }
      if (record === undefined) {
        throw new TypeError(`The value of ${key} must be that credential`);
      }
      if (hasTokens(record)) {
        record["tokens"] = await sealer.seal(JSON.stringify(record["tokens"]), key, generation);
      }
      await store.put(key, JSON.stringify(record), options);
    },

    delete: (key: string): Promise<void> => store.delete(key),

    list: (options: { prefix: string; cursor?: string | undefined }): Promise<KeyPage> =>
      store.list(options),

    async sealState(key: string): Promise<SealState> {
      const stored = await store.get(key);
      if (stored === null) return { kind: "empty" };
      if (parseCredentialKey(key) === undefined) return stateOf(stored);
      const record = parseJsonObject(stored);
      return record !== undefined && hasTokens(record)
        ? stateOf(record["tokens"])
        : { kind: "empty" };
    },
  };

  if (store.withLease === undefined) return sealed;
  return {
    ...sealed,
    withLease: <T>(
      name: string,
      run: (held: HeldLease) => Promise<T>,
      options?: LeaseOptions,
    ): Promise<T> => store.withLease!(name, run, options),
  };
}

function hasTokens(record: JsonObject): boolean {
  return record["tokens"] !== null && record["tokens"] !== undefined;
}

function stateOf(value: unknown): SealState {
  return typeof value === "string" && isSealed(value)
    ? { kind: "sealed", keyId: sealingKeyId(value) }
    : { kind: "plain" };
}

/** What a record says of itself; 0 where it counts none. */
function generationOf(record: JsonObject | undefined): number {
  const generation = record?.["generation"];
  return Number.isSafeInteger(generation) ? generation as number : 0;
}

function corrupt(key: string, state: string): CredentialError {
  return new CredentialError("storage_corrupt", `Cannot read ${key}: ${state}`);
}
