/**
 * Where a Durable Object keeps its credential: a {@linkcode KvStore} of one record, for the same keeper
 * that works over files.
 *
 * - Readers are answered from memory: while a request is under way nothing touches the storage, since
 *   that would end an instance that was replaced, and with it the only copy of an answer.
 * - A new generation is written to KV first, under a key of its own attempt, then to the storage; what
 *   readers take from KV is published last. An instance that was replaced dies at its storage, and
 *   whoever came after it finds the answer in KV.
 * - Every write sets the alarm that the credential needs next, in the same transaction. While the
 *   outcome of an attempt is unknown it is a watchdog: it wakes whoever comes after.
 * - The storage is the truth. KV may fail: then readers ask the object.
 * - A storage that is older than what it has published was set back; its token is spent. The grant of
 *   the newer generation is taken from KV, or nothing is sent.
 *
 * @module
 */

import { CredentialError, type GrantwayError } from "../../core/errors.ts";
import { parseJsonObject } from "../../core/http.ts";
import { type Credential, credentialKey, parseCredential } from "../../credentials/credential.ts";
import { refuseEarlier } from "../../credentials/document.ts";
import type { KeyPage, KvStore } from "../../credentials/kv_store.ts";
import { listAllKeys } from "../../credentials/kv_store.ts";
import { dueAt, GRANT_TIMEOUT_MS, pendingIntent } from "../../credentials/refresh_timing.ts";
import { isSealed, type Sealer, sealingKeyId } from "../../credentials/sealing.ts";
import { bounded } from "./bounded.ts";
import {
  accessKey,
  type CredentialName,
  type CredentialRecord,
  grantKey,
  grantPrefix,
  objectRecordName,
  parseRecord,
} from "./credential_record.ts";
import type { ObjectStorage } from "./durable_object.ts";
import { createPublisher } from "./publisher.ts";

/** This version writes and reads it; a later one that changes what is stored counts up. */
const SCHEMA = 1;
const RECORD_KEY = "record";

/** What is stored: one row. */
interface StoredRow extends CredentialName {
  schema: number;
  /** A {@linkcode CredentialRecord}, sealed. */
  sealed: string;
}

/** How long one call of KV may take before the storage is written all the same. */
const KV_TIMEOUT_MS = 5_000;
const GRANT_PUTS = 2;
/** KV takes one write a second of a key. */
const PUT_SPACING_MS = 1_100;
/** Longer than any daily limit of the platform keeps an object from starting. */
const GRANT_LIFETIME_MS = 48 * 3_600_000;
/** KV remembers for a minute that there was none; then one sees what came in between. */
const GRANT_READ_SPACING_MS = 61_000;
const GRANT_READS = 3;
const GRANT_READ_TRIES = 4;
const GRANT_ATTEMPTS = 3;
/** An attempt that has no outcome by then has nobody who waits for it. */
const WATCHDOG_MS = GRANT_TIMEOUT_MS + 10_000;
const MIN_ALARM_MS = 2_000;
const FAILED_ALARM_MS = 30_000;

/** What a store of an object is made of. */
export interface ObjectStoreOptions extends CredentialName {
  /** The object's own storage. */
  storage: ObjectStorage;
  /** KV, sealed. */
  kv: KvStore;
  /** Has the list of credentials name this one, or not. */
  list: (isThere: boolean) => Promise<void>;
  /** Seals what is in the storage. */
  sealer: Sealer;
  /** In [0, 1): makes objects differ in when they refresh. */
  jitter: number;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits; rejects with the signal's reason when aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1): spreads retries. */
  random: () => number;
  /** Goes on with `promise` when its caller has gone. */
  waitUntil: (promise: Promise<unknown>) => void;
  /** Told what does not fail a call, but should be known. */
  onWarning: (message: string) => void;
}

/** The store of one object. */
export interface ObjectStore extends KvStore {
  /** What is stored; undefined when nothing ever was. Read once, then from memory. */
  load(): Promise<CredentialRecord | undefined>;
  /** Looks for the answer to an attempt whose sender is gone; see {@linkcode RotationOptions.recover}. */
  recover(sent: Credential, signal: AbortSignal | undefined): Promise<Credential | undefined>;
  /** Sets the alarm after a refresh that failed. */
  scheduleRetry(): Promise<void>;
  /** Publishes again what readers take; resolves when that is done or given up. */
  publish(): Promise<void>;
  /** The keys of what KV has of it and may still be read: what readers take, and its latest grants. */
  keysInKv(): Promise<string[]>;
  /** Writes anew to KV what is under one of these keys. */
  rewrite(kvKey: string): Promise<void>;
  /** Resolves when nothing is left to publish. */
  settled(): Promise<void>;
  /** Since when KV has had what is stored, ms since the epoch; undefined while it has not. */
  readonly publishedAt: number | undefined;
}

/** Which credential an object holds, from its storage; undefined for an object that holds none. */
export async function readObjectName(storage: ObjectStorage): Promise<CredentialName | undefined> {
  const row = (await storage.get([RECORD_KEY])).get(RECORD_KEY) as StoredRow | undefined;
  return row && { provider: row.provider, id: row.id };
}

/** Creates the store of one object; nothing is read before it is used. */
export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { storage, kv, sealer, provider, id, now, sleep, onWarning } = options;
  const name: CredentialName = { provider, id };
  const key = credentialKey(provider, id);
  const sealName = objectRecordName(name);
  let memory: CredentialRecord | undefined;
  let loading: Promise<void> | undefined;
  /** The grant that KV has already. */
  let kept: string | undefined;
  const publisher = createPublisher({ ...options, name, spacingMs: PUT_SPACING_MS });

  async function load(): Promise<CredentialRecord | undefined> {
    loading ??= readStored().catch((error) => {
      loading = undefined;
      throw error;
    });
    await loading;
    return memory;
  }

  async function readStored(): Promise<void> {
    const stored = await storage.get([RECORD_KEY]).catch((cause) => {
      const state = `Cannot read ${key}: its object's storage failed`;
      throw new CredentialError("storage_read", state, { cause, retryable: true });
    });
    const row = stored.get(RECORD_KEY) as StoredRow | undefined;
    if (row === undefined) return;
    const { schema, sealed } = row;
    if (schema > SCHEMA) {
      throw new CredentialError("storage_read", `Cannot read ${key}: a newer deployment wrote it`, {
        retryable: true,
        hint: "Deploy the newest version again",
      });
    }
    if (typeof sealed !== "string" || !isSealed(sealed)) throw corrupt("it is not sealed");
    const { text, generation } = await sealer.open(sealed, sealName);
    const record = parseRecord(text, name);
    if (record.generation !== generation) throw corrupt("its seal is of another generation");
    const newest = await findNewer(record) ?? record;
    // Under the ring's first key, whatever key it was sealed with.
    if (newest !== record || sealingKeyId(sealed) !== sealer.keyId) {
      await persist(newest);
      memory = newest;
      publisher.publish(newest);
    } else {
      memory = newest;
      publisher.assume(newest);
    }
  }

  /** What was published after `record`: then the storage has been set back. */
  async function findNewer(record: CredentialRecord): Promise<CredentialRecord | undefined> {
    let published: CredentialRecord;
    try {
      const text = await bounded(kv.get(accessKey(name)), KV_TIMEOUT_MS, `read ${key}`, sleep);
      if (text === null) return undefined;
      published = parseRecord(text, name);
    } catch (error) {
      onWarning(`Cannot compare ${key} with what was published: ${(error as Error).message}`);
      return undefined;
    }
    if (published.credential === null) {
      return published.generation >= record.generation ? published : undefined;
    }
    if (published.generation <= record.generation) return undefined;
    const grant = await readGrant(grantKey(name, published.generation, published.attempt));
    if (grant !== undefined) return grant;
    throw corrupt("its object was set back to an earlier generation, whose token is spent");
  }

  const corrupt = (state: string) =>
    new CredentialError("storage_corrupt", `Cannot read ${key}: ${state}`, {
      hint: "Sign in again",
    });

  async function readGrant(grant: string): Promise<CredentialRecord | undefined> {
    const text = await bounded(kv.get(grant), KV_TIMEOUT_MS, `read a grant of ${key}`, sleep)
      .catch((error) => {
        // Whoever has put something else there does not keep this login from its refresh.
        if (error.code !== "storage_corrupt") throw error;
        onWarning(error.message);
        return null;
      });
    return text === null ? undefined : parseRecord(text, name);
  }

  /** One failure of KV must not begin the whole wait anew. */
  async function readPatiently(
    grant: string,
    signal: AbortSignal | undefined,
  ): Promise<CredentialRecord | undefined> {
    for (let failures = 1;; failures++) {
      try {
        return await readGrant(grant);
      } catch (error) {
        if (failures === GRANT_READ_TRIES) throw error;
        await sleep(KV_TIMEOUT_MS, signal);
      }
    }
  }

  async function persist(record: CredentialRecord): Promise<void> {
    const sealed = await sealer.seal(JSON.stringify(record), sealName, record.generation);
    const alarm = nextAlarm(record.credential);
    try {
      // Started together, so that they are one transaction.
      await Promise.all([
        storage.put({ [RECORD_KEY]: { schema: SCHEMA, ...name, sealed } satisfies StoredRow }),
        alarm === undefined ? storage.deleteAlarm() : storage.setAlarm(alarm),
      ]);
      await storage.sync();
    } catch (cause) {
      throw new CredentialError(
        "storage_write",
        `Cannot save ${key}: its object's storage failed`,
        {
          cause,
          retryable: true,
        },
      );
    }
  }

  /** When somebody must look at it next; undefined for one that needs no refresh. */
  function nextAlarm(credential: Credential | null, minMs = MIN_ALARM_MS): number | undefined {
    if (!credential?.tokens?.refreshToken || credential.status === "dead") return undefined;
    const intent = pendingIntent(credential);
    if (intent !== undefined && intent.reason === undefined) return now() + WATCHDOG_MS;
    const wanted = [
      dueAt(credential, options.jitter),
      intent?.retryAt,
      credential.lastError?.retryAt,
    ];
    return Math.max(now() + minMs, ...wanted.filter((at) => at !== undefined));
  }

  /** Keeps an answer where whoever comes after this instance looks for it. */
  async function keepGrant(record: CredentialRecord): Promise<void> {
    const grant = grantKey(name, record.generation, record.attempt);
    const text = JSON.stringify(record);
    if (kept === text) return;
    for (let left = GRANT_PUTS; left > 0; left--) {
      try {
        const put = kv.put(grant, text, { expiresAt: now() + GRANT_LIFETIME_MS });
        await bounded(put, KV_TIMEOUT_MS, `keep a grant of ${key}`, sleep);
        kept = text;
        return;
      } catch (error) {
        onWarning((error as GrantwayError).message);
        // The longer this takes, the longer memory has the only copy.
        if ((error as GrantwayError).code === "timeout" || left === 1) return;
        await sleep(PUT_SPACING_MS * (1 + 0.3 * options.random()));
      }
    }
  }

  function requireOwn(other: string): void {
    if (other !== key) throw new RangeError(`This object holds ${key}, not ${other}`);
  }

  return {
    load,

    get publishedAt(): number | undefined {
      return publisher.publishedAt;
    },

    publish(): Promise<void> {
      return memory === undefined ? Promise.resolve() : publisher.publish(memory);
    },

    settled: publisher.settled,

    async keysInKv(): Promise<string[]> {
      const generation = (await load())?.generation;
      if (generation === undefined) return [];
      const prefix = grantPrefix(name);
      // Earlier ones are never read again.
      const grants = (await listAllKeys(kv, prefix))
        .filter((grant) => Number.parseInt(grant.slice(prefix.length)) >= generation);
      return [accessKey(name), ...grants];
    },

    async rewrite(kvKey: string): Promise<void> {
      if (kvKey === accessKey(name)) return await this.publish();
      const text = await kv.get(kvKey);
      if (text !== null) await kv.put(kvKey, text, { expiresAt: now() + GRANT_LIFETIME_MS });
    },

    async get(other: string): Promise<string | null> {
      requireOwn(other);
      const credential = (await load())?.credential;
      return credential ? JSON.stringify(credential) : null;
    },

    async put(other: string, text: string): Promise<void> {
      requireOwn(other);
      const previous = await load();
      const credential = parseCredential(text, key);
      if (previous !== undefined) {
        const stored = previous.credential ?? { generation: previous.generation + 1 };
        refuseEarlier(key, parseJsonObject(text)!, { ...stored });
      }
      const isNew = credential.generation > (previous?.generation ?? -1);
      const attempt = isNew ? previous?.credential?.intent?.attempt ?? 0 : previous!.attempt;
      const record = { generation: credential.generation, attempt, credential };
      if (isNew && credential.tokens?.refreshToken) await keepGrant(record);
      await persist(record);
      memory = record;
      if (isNew || isShownOtherwise(previous!.credential, credential)) publisher.publish(record);
    },

    async delete(other: string): Promise<void> {
      requireOwn(other);
      const previous = await load();
      if (previous === undefined || previous.credential === null) return;
      const record = { generation: previous.generation, attempt: 0, credential: null };
      await persist(record);
      memory = record;
      await publisher.publish(record);
      // They are sealed and expire; but whoever signs out wants nothing left.
      for (const grant of await listAllKeys(kv, grantPrefix(name))) await kv.delete(grant);
      if (publisher.publishedAt === undefined) {
        throw new CredentialError(
          "storage_write",
          `Removed ${key}, but KV did not take it: readers may use its access token until it expires`,
          { retryable: true },
        );
      }
    },

    async list({ prefix }: { prefix: string }): Promise<KeyPage> {
      const isThere = (await load())?.credential != null;
      return { keys: isThere && key.startsWith(prefix) ? [key] : [] };
    },

    async recover(
      { generation, intent }: Credential,
      signal: AbortSignal | undefined,
    ): Promise<Credential | undefined> {
      // Earlier attempts as well: what KV did not show then it may show now.
      const attempts = Array.from({ length: GRANT_ATTEMPTS }, (_, back) => intent!.attempt - back)
        .filter((attempt) => attempt > 0);
      for (let reads = 1;; reads++) {
        for (const attempt of attempts) {
          const record = await readPatiently(grantKey(name, generation + 1, attempt), signal);
          if (record?.credential == null) continue;
          onWarning(`Took the answer to an interrupted refresh of ${key} from KV`);
          kept = JSON.stringify(record);
          return record.credential;
        }
        if (reads === GRANT_READS) return undefined;
        await sleep(GRANT_READ_SPACING_MS, signal);
      }
    },

    async scheduleRetry(): Promise<void> {
      const at = nextAlarm((await load())?.credential ?? null, FAILED_ALARM_MS);
      if (at !== undefined) await storage.setAlarm(at);
    },
  };
}

/** Whether readers would see a difference that is no new generation. */
function isShownOtherwise(previous: Credential | null, next: Credential): boolean {
  return previous === null || previous.status !== next.status || previous.label !== next.label ||
    previous.tokens?.accessToken !== next.tokens?.accessToken;
}
