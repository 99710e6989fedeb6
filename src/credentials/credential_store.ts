/**
 * Typed credentials over a {@linkcode KvStore}.
 *
 * Whoever changes a credential holds its lease, the keeper included: so a change never meets a
 * refresh in flight, and a logout is not undone by one. Unknown fields of a record are kept.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import {
  type Credential,
  credentialKey,
  parseCredential,
  serializeCredential,
} from "./credential.ts";
import { type KvStore, type Lease, listAllKeys } from "./kv_store.ts";

/** Credentials by provider and id. */
export interface CredentialStore {
  /** All credentials, or those of one provider, in the store's order. */
  list(provider?: string): Promise<Credential[]>;
  /** One credential; null when there is none. */
  get(provider: string, id: string): Promise<Credential | null>;
  /** Stores a credential: a new one, or one whose generation is not lower than the stored one's. */
  put(credential: Credential): Promise<void>;
  /**
   * Stores the new credential that `create` makes of what is stored of its provider, alone among
   * those that add one; `undefined` when it makes none.
   */
  add(
    provider: string,
    create: (stored: readonly Credential[]) => Credential | undefined,
  ): Promise<Credential | undefined>;
  /**
   * Changes a stored credential, waiting for a refresh in flight. `change` gets what is stored now.
   *
   * @throws {CredentialError} `login_required` when there is none.
   */
  update(
    provider: string,
    id: string,
    change: (stored: Credential) => Credential,
  ): Promise<Credential>;
  /**
   * Removes a credential, waiting for a refresh in flight, and returns it as it was last, so that
   * the newest refresh token can be revoked; null when there is none.
   */
  remove(provider: string, id: string): Promise<Credential | null>;
}

/**
 * Creates a credential store.
 *
 * @param lease Excludes refreshes in flight. Without it, as over Workers KV alone, nothing does.
 */
export function createCredentialStore(store: KvStore, lease?: Lease): CredentialStore {
  async function read(key: string): Promise<Credential | null> {
    const text = await store.get(key);
    return text === null ? null : parseCredential(text, key);
  }

  function exclusively<T>(key: string, run: () => Promise<T>): Promise<T> {
    return lease === undefined ? run() : lease.withLease(key, run);
  }

  async function list(provider?: string): Promise<Credential[]> {
    const prefix = provider === undefined ? "credential/" : `credential/${provider}/`;
    const found = await Promise.all((await listAllKeys(store, prefix)).map(read));
    return found.filter((credential) => credential !== null);
  }

  return {
    list,

    get: (provider: string, id: string): Promise<Credential | null> =>
      read(credentialKey(provider, id)),

    put(credential: Credential): Promise<void> {
      const key = credentialKey(credential.provider, credential.id);
      return exclusively(key, async () => {
        await store.put(key, serializeCredential(credential, await store.get(key)));
      });
    },

    add(
      provider: string,
      create: (stored: readonly Credential[]) => Credential | undefined,
    ): Promise<Credential | undefined> {
      return exclusively(`add/${provider}`, async () => {
        const credential = create(await list(provider));
        if (credential !== undefined) {
          await store.put(credentialKey(provider, credential.id), serializeCredential(credential));
        }
        return credential;
      });
    },

    update(
      provider: string,
      id: string,
      change: (stored: Credential) => Credential,
    ): Promise<Credential> {
      const key = credentialKey(provider, id);
      return exclusively(key, async () => {
        const text = await store.get(key);
        if (text === null) {
          throw new CredentialError("login_required", `Cannot change ${key}: there is none`);
        }
        const changed = change(parseCredential(text, key));
        await store.put(key, serializeCredential(changed, text));
        return changed;
      });
    },

    remove(provider: string, id: string): Promise<Credential | null> {
      const key = credentialKey(provider, id);
      return exclusively(key, async () => {
        const stored = await read(key);
        await store.delete(key);
        return stored;
      });
    },
  };
}

// 32 characters that are hard to mistake for each other: 5 bits each, without bias.
const ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** A credential id: 8 characters, from 8 random bytes. */
export function newCredentialId(
  bytes: Uint8Array = crypto.getRandomValues(new Uint8Array(8)),
): string {
  return Array.from(bytes.subarray(0, 8), (byte) => ID_ALPHABET[byte & 31]).join("");
}
