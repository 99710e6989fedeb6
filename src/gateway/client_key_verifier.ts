/**
 * The gateway's side of client keys: is what a client presents the secret of a key that is good now?
 *
 * - What was read from the store is believed for `maxAgeMs` and no longer, so a revoked key is refused
 *   at the latest that long after the store tells of it.
 * - A key that is in use costs one read of one record in that time, whatever the number of requests.
 * - A secret without a record costs a read only while there are reads left for the unknown. When these
 *   are used up, one listing tells which records there are: a flood of guesses does not come between a
 *   key and its record.
 *
 * A secret is found by the first bits of its SHA-256 digest, which nobody can steer; the last word is a
 * comparison of whole digests in constant time.
 *
 * @module
 */

import { type KvStore, listAllKeys } from "../credentials/kv_store.ts";
import {
  digestInRecordKey,
  digestOf,
  equalDigests,
  parseClientKey,
  RECORD_PREFIX,
  recordKey,
} from "./client_key_record.ts";
import type { ClientKey, ClientKeys } from "./client_keys.ts";

/** What the gateway's side is made of. */
export interface ClientKeysOptions {
  /** Where the keys are. */
  store: KvStore;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /**
   * How long what was read is believed, ms: what a revocation takes beyond the store's own delay.
   * Default: 20,000.
   */
  maxAgeMs?: number | undefined;
}

const DEFAULT_MAX_AGE_MS = 20_000;
/** Reads for secrets that are in no known record: so many at once, and one more after each while. */
const UNKNOWN_BURST = 20;
const UNKNOWN_EVERY_MS = 500;
/** A listing costs more than a read, so it is believed for longer. */
const LISTING_AGES = 3;
/** Digests that are remembered: good ones, and bad ones apart, so that those never push these out. */
const MAX_GOOD = 10_000;
const MAX_BAD = 1_000;

/** What the store said about one digest. */
interface Entry {
  digest: Uint8Array;
  /** Undefined for none. */
  key: ClientKey | undefined;
  readAt: number;
}

/**
 * Creates the gateway's side of the keys in a store; nothing is read before the first request. Both
 * methods reject with the store's error where it cannot be read: nobody is let in on what was true
 * once.
 */
export function createClientKeys(options: ClientKeysOptions): ClientKeys {
  const { store, now, maxAgeMs = DEFAULT_MAX_AGE_MS } = options;
  // By the first 48 bits of the digest.
  const good = new Map<number, Entry>();
  const bad = new Map<number, Entry>();
  /** Digests of the secrets of good keys: to compute one takes as long as much of the rest. */
  const digests = new Map<string, Uint8Array>();
  /** One read at a time for each record. */
  const reading = new Map<string, Promise<Entry>>();
  /** Store keys of the records there are, as far as is known, with their digests. */
  const known = new Map<string, Uint8Array>();
  let listedAt = -Infinity;
  let listing: Promise<void> | undefined;
  let unknownReads = UNKNOWN_BURST, refilledAt = now();

  /** Whether something of that time is to be believed; a clock set back makes nothing younger. */
  const isYounger = (at: number, ageMs: number) => now() >= at && now() - at < ageMs;
  const isGood = ({ key }: Entry) =>
    key !== undefined && (key.expiresAt === undefined || key.expiresAt > now());

  /** What is believed about a digest. */
  function recall(digest: Uint8Array): Entry | undefined {
    const index = indexOf(digest);
    const entry = good.get(index) ?? bad.get(index);
    return entry !== undefined && isYounger(entry.readAt, maxAgeMs) &&
        equalDigests(entry.digest, digest)
      ? entry
      : undefined;
  }

  function read(at: string, digest: Uint8Array): Promise<Entry> {
    let pending = reading.get(at);
    if (pending === undefined) {
      pending = readNow(at, digest).finally(() => reading.delete(at));
      reading.set(at, pending);
    }
    return pending;
  }

  async function readNow(at: string, digest: Uint8Array): Promise<Entry> {
    // The moment before: what changes meanwhile is seen next time.
    const readAt = now();
    const text = await store.get(at);
    const entry: Entry = { digest, key: parseClientKey(text ?? ""), readAt };
    const index = indexOf(digest);
    good.delete(index);
    bad.delete(index);
    if (text === null) known.delete(at);
    else known.set(at, digest);
    if (entry.key === undefined) remember(bad, index, entry, MAX_BAD);
    else remember(good, index, entry, MAX_GOOD);
    return entry;
  }

  async function list(): Promise<void> {
    if (isYounger(listedAt, LISTING_AGES * maxAgeMs)) return;
    listing ??= (async () => {
      const startedAt = now();
      for (const at of await listAllKeys(store, RECORD_PREFIX)) {
        known.set(at, digestInRecordKey(at));
      }
      listedAt = startedAt;
    })().finally(() => listing = undefined);
    await listing;
  }

  /** Takes one of the reads for the unknown. */
  function takeUnknownRead(): boolean {
    const elapsedMs = now() - refilledAt;
    if (elapsedMs < 0 || elapsedMs >= UNKNOWN_EVERY_MS) {
      const more = Math.max(0, Math.floor(elapsedMs / UNKNOWN_EVERY_MS));
      unknownReads = Math.min(UNKNOWN_BURST, unknownReads + more);
      refilledAt = now();
    }
    if (unknownReads === 0) return false;
    unknownReads--;
    return true;
  }

  /** Whether one of the known keys is good, what must be read included. */
  async function anyGood(): Promise<boolean> {
    for (const digest of known.values()) {
      const entry = recall(digest);
      if (entry !== undefined && isGood(entry)) return true;
    }
    for (const [at, digest] of known) {
      if (isGood(recall(digest) ?? await read(at, digest))) return true;
    }
    return false;
  }

  return {
    async isConfigured(): Promise<boolean> {
      if (await anyGood()) return true;
      await list();
      return await anyGood();
    },

    async verify(presented: string): Promise<ClientKey | undefined> {
      const digest = digests.get(presented) ?? digestOf(presented);
      if (digest === undefined) return undefined;
      let entry = recall(digest);
      if (entry === undefined) {
        const at = recordKey(digest);
        if (!known.has(at) && !takeUnknownRead()) {
          await list();
          if (!known.has(at)) return undefined;
        }
        entry = await read(at, digest);
      }
      if (!isGood(entry)) return undefined;
      if (digests.size >= MAX_GOOD) digests.clear();
      digests.set(presented, digest);
      return entry.key;
    },
  };
}

function indexOf(digest: Uint8Array): number {
  let index = 0;
  for (let i = 0; i < 6; i++) index = index * 256 + digest[i]!;
  return index;
}

function remember(map: Map<number, Entry>, index: number, entry: Entry, max: number): void {
  map.set(index, entry);
  if (map.size > max) map.delete(map.keys().next().value!);
}
