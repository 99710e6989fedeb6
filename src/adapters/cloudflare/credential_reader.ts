/**
 * Credentials as an isolate of the gateway sees them: from memory, else from KV, else from their
 * object. Of all that it sees, the newest generation counts: KV may show an older one after a newer.
 *
 * - A read that fails, hangs or makes no sense is as good as none; nothing is ever removed for it.
 * - An access token is handed out as long as it lasts, also when its object cannot be reached.
 * - What KV does not have yet the object may have: so "there is none" is the object's word alone.
 * - What memory holds is looked up again after {@linkcode MEMORY_MS}, so that a logout is seen.
 *
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import { conceal } from "../../core/secret.ts";
import type {
  AccessToken,
  AccessTokenSource,
  GetTokenOptions,
} from "../../credentials/access_token.ts";
import type { Credential } from "../../credentials/credential.ts";
import type { KvStore } from "../../credentials/kv_store.ts";
import { dueAt, READER_MARGIN_MS } from "../../credentials/refresh_timing.ts";
import { bounded } from "./bounded.ts";
import type { CredentialCaller } from "./credential_call.ts";
import {
  accessKey,
  ACCOUNTS_KEY,
  type CredentialName,
  type CredentialRecord,
  parseAccounts,
  parseRecord,
} from "./credential_record.ts";
import { createSharedCalls } from "./shared_calls.ts";

/** How long memory is believed. */
const MEMORY_MS = 15_000;
const KV_TIMEOUT_MS = 2_000;
/** While nobody is signed in, somebody may just do so. */
const NOBODY_MS = 2_000;
/** The object refreshes by itself. Who sees that it has not, so long after it was due, reminds it. */
const OVERDUE_MS = 30_000;
const REMINDER_SPACING_MS = 30_000;

/** What a reader is made of. */
export interface CredentialReaderOptions {
  /** KV, sealed. */
  kv: KvStore;
  /** Calls objects. */
  call: CredentialCaller;
  /** The list of credentials as its owner has it, for where KV may be late. Default: KV's. */
  accounts?: (() => Promise<string | null>) | undefined;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told what does not fail a call, but should be known. */
  onWarning: (message: string) => void;
}

/** The credentials of an isolate. */
export interface CredentialReader {
  /**
   * Every credential, or those of one provider, without refresh tokens. Where KV shows none, the list's
   * owner is asked; with `isNow` it is in any case.
   */
  list(provider?: string, isNow?: boolean): Promise<Credential[]>;
  /** One credential, without its refresh token; null when its object has none. */
  get(name: CredentialName): Promise<Credential | null>;
  /** Its bearer. */
  source(name: CredentialName): AccessTokenSource;
  /** What an object has just said. */
  learn(name: CredentialName, record: CredentialRecord | null): void;
}

interface Memory {
  name: CredentialName;
  record?: CredentialRecord;
  /** When KV or the object was last asked, ms since the epoch. */
  readAt: number;
  remindedAt: number;
}

/** Creates the reader of an isolate. */
export function createCredentialReader(options: CredentialReaderOptions): CredentialReader {
  const { kv, call, now, sleep, onWarning } = options;
  const memories = new Map<string, Memory>();
  const shared = createSharedCalls(sleep);
  let accounts: { names: CredentialName[]; readAt: number } = { names: [], readAt: -Infinity };
  let ownersReadAt = -Infinity;

  function memoryOf(name: CredentialName): Memory {
    const key = accessKey(name);
    let memory = memories.get(key);
    if (memory === undefined) {
      memory = { name, readAt: -Infinity, remindedAt: -Infinity };
      memories.set(key, memory);
    }
    return memory;
  }

  function isRecent(at: number): boolean {
    const ageMs = now() - at;
    return ageMs >= 0 && ageMs < MEMORY_MS;
  }

  function learn(name: CredentialName, record: CredentialRecord | null): void {
    const memory = memoryOf(name);
    memory.readAt = now();
    if (record === null) return;
    const known = memory.record;
    // A removal is of the generation that it ended.
    const isOlder = known !== undefined && (record.generation < known.generation ||
      (record.generation === known.generation && known.credential === null));
    if (!isOlder) memory.record = record;
  }

  /** From memory, or from KV; undefined where neither has it. */
  async function lookUp(name: CredentialName): Promise<CredentialRecord | undefined> {
    const memory = memoryOf(name);
    const key = accessKey(name);
    if (!isRecent(memory.readAt)) {
      await shared(key, async () => {
        try {
          const text = await bounded(kv.get(key), KV_TIMEOUT_MS, `read ${key}`, sleep);
          learn(name, text === null ? null : parseRecord(text, name));
        } catch (error) {
          onWarning((error as Error).message);
        }
      });
    }
    return memory.record;
  }

  async function ask(
    name: CredentialName,
    rejectedGeneration: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CredentialRecord> {
    const knownGeneration = memoryOf(name).record?.generation;
    const key = `token ${accessKey(name)} ${rejectedGeneration}`;
    const record = await shared(
      key,
      () => call(name, "token", { rejectedGeneration, knownGeneration }, undefined),
      signal,
    );
    learn(name, record);
    return record;
  }

  /** Of a list that cannot be read the last one stays. */
  const readAccounts = (name: string, read: () => Promise<string | null>): Promise<void> =>
    shared(name, async () => {
      try {
        const text = await bounded(read(), KV_TIMEOUT_MS, "read accounts", sleep);
        accounts = { names: parseAccounts(text), readAt: now() };
      } catch (error) {
        onWarning((error as Error).message);
      }
    });

  const leftMs = ({ expiresAt }: Credential) => (expiresAt ?? Infinity) - now();

  function remind(name: CredentialName, credential: Credential): void {
    const memory = memoryOf(name);
    if (now() < dueAt(credential, 0) + OVERDUE_MS) return;
    if (now() - memory.remindedAt < REMINDER_SPACING_MS) return;
    memory.remindedAt = now();
    // Another isolate may be ahead: then KV has it by now.
    ask(name, undefined, undefined).catch((error) => onWarning(error.message));
  }

  async function obtain(
    name: CredentialName,
    { signal, rejectedGeneration }: GetTokenOptions,
  ): Promise<Credential> {
    const record = await lookUp(name);
    const credential = record?.credential ?? undefined;
    const isGood = credential?.tokens != null &&
      credential.generation > (rejectedGeneration ?? -1);
    if (isGood && leftMs(credential) >= READER_MARGIN_MS) {
      remind(name, credential);
      return credential;
    }
    try {
      const asked = await ask(name, rejectedGeneration, signal);
      return asked.credential!;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const isEnded = error instanceof CredentialError && error.code === "login_required";
      if (!isEnded && isGood && leftMs(credential) > 0) return credential;
      throw error;
    }
  }

  return {
    learn,

    async list(provider?: string, isNow = false): Promise<Credential[]> {
      const isWanted = (name: CredentialName) =>
        provider === undefined || name.provider === provider;
      // An empty list is asked for again each time: somebody may just have signed in.
      if (accounts.names.length === 0 || !isRecent(accounts.readAt)) {
        await readAccounts(ACCOUNTS_KEY, () => kv.get(ACCOUNTS_KEY));
      }
      const ownersAgeMs = now() - ownersReadAt;
      const isLate = !accounts.names.some(isWanted) &&
        !(ownersAgeMs >= 0 && ownersAgeMs < (accounts.names.length === 0 ? NOBODY_MS : MEMORY_MS));
      if (options.accounts !== undefined && (isNow || isLate)) {
        // Also when it fails: one that cannot be reached is not asked with each request.
        ownersReadAt = now();
        await readAccounts(`owner of ${ACCOUNTS_KEY}`, options.accounts);
      }
      // What an object has told may not be listed yet.
      const told = [...memories.values()].filter(({ record }) => record?.credential != null);
      const names = new Map(
        [...accounts.names, ...told.map(({ name }) => name)].filter(isWanted)
          .map((name) => [accessKey(name), name]),
      );
      const records = await Promise.all([...names.values()].map(async (name) => {
        const record = await lookUp(name);
        if (record !== undefined) return record.credential;
        // It is listed, and KV does not show it yet.
        return await shared(`read ${accessKey(name)}`, () => call(name, "read", {}))
          .then((record) => {
            learn(name, record);
            return record?.credential ?? null;
          }, (error) => {
            onWarning(error.message);
            return null;
          });
      }));
      return records.filter((credential) => credential !== null);
    },

    async get(name: CredentialName): Promise<Credential | null> {
      const record = await call(name, "read", {});
      learn(name, record);
      return record?.credential ?? null;
    },

    source(name: CredentialName): AccessTokenSource {
      return {
        async get(options: GetTokenOptions = {}): Promise<AccessToken> {
          const credential = await obtain(name, options);
          const token: AccessToken = {
            value: credential.tokens!.accessToken,
            generation: credential.generation,
            expiresAt: credential.expiresAt,
            credential: { ...name, label: credential.label, region: credential.region },
            resourceUrl: credential.resourceUrl,
          };
          return conceal(token, "value");
        },
      };
    },
  };
}
