/**
 * The owner's side of client keys: make, list, revoke, over any store.
 *
 * A secret is told once, to whoever makes the key. What is stored is its SHA-256 digest, which needs
 * no salt and no slow hash: nobody guesses 256 random bits.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { Secret } from "../core/secret.ts";
import { type KvStore, type Lease, listAllKeys } from "../credentials/kv_store.ts";
import {
  digestOf,
  isKeyName,
  keyId,
  MAX_NAME_LENGTH,
  newSecret,
  parseClientKey,
  parseLimits,
  parseScope,
  RECORD_PREFIX,
  recordKey,
  serializeClientKey,
} from "./client_key_record.ts";
import type { ClientKey, KeyLimits, KeyScope } from "./client_keys.ts";

/** What a new key shall be. */
export interface NewClientKey {
  /** What to call it: 1 to 64 characters, unique among the keys that are there. */
  name: string;
  /** Where it is good. Default: everywhere. */
  scope?: KeyScope | undefined;
  /** When it ends, ms since the epoch. Default: never. */
  expiresAt?: number | undefined;
  /** How much it may ask. Default: what the settings say. */
  limits?: KeyLimits | undefined;
}

/** A key that was just made. */
export interface CreatedClientKey {
  /** The key. */
  key: ClientKey;
  /** Its secret, which nobody can tell again. */
  secret: Secret;
}

/** The owner's side of client keys. */
export interface ClientKeyStore {
  /**
   * Makes a key.
   *
   * @throws {GrantwayError} `invalid_request` for a name, scope or limit that is none, or a name that
   * is taken.
   */
  create(wanted: NewClientKey): Promise<CreatedClientKey>;
  /** Every key, expired ones included, in the order they were made. */
  list(): Promise<ClientKey[]>;
  /**
   * Removes the key of that name or id, and returns it.
   *
   * @throws {GrantwayError} `not_found` when there is none; `invalid_request` when the name means
   * several, as after two were made at once over a store without mutual exclusion.
   */
  revoke(target: string): Promise<ClientKey>;
}

/** What the owner's side is made of. */
export interface ClientKeyStoreOptions {
  /** Where the keys are. */
  store: KvStore;
  /** Excludes others while a key is made, so that names stay unique. Default: nobody is excluded. */
  lease?: Lease | undefined;
  /** Wall clock, ms since the epoch. */
  now: () => number;
}

/** Creates the owner's side of the keys in a store. */
export function createClientKeyStore(options: ClientKeyStoreOptions): ClientKeyStore {
  const { store, lease, now } = options;

  async function records(): Promise<{ at: string; key: ClientKey }[]> {
    const found: { at: string; key: ClientKey }[] = [];
    for (const at of await listAllKeys(store, RECORD_PREFIX)) {
      const key = parseClientKey(await store.get(at) ?? "");
      // What is not understood opens nothing, and has no name to show.
      if (key !== undefined) found.push({ at, key });
    }
    return found.sort(({ key: a }, { key: b }) =>
      a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1)
    );
  }

  const alone = <T>(run: () => Promise<T>) =>
    lease === undefined ? run() : lease.withLease("gateway/client_keys", run);

  return {
    async create({ name, scope = {}, expiresAt, limits }: NewClientKey): Promise<CreatedClientKey> {
      if (!isKeyName(name)) {
        throw refused(
          `"${displayText(name, 40)}" cannot be a key's name`,
          `A name has 1 to ${MAX_NAME_LENGTH} printable characters, and does not start with ` +
            `"-", "key_" or "gw_"`,
        );
      }
      const createdAt = now();
      const validScope = parseScope({ ...scope });
      const validLimits = limits === undefined ? {} : parseLimits({ ...limits });
      if (validScope === undefined) throw refused("its scope is not valid");
      if (validLimits === undefined) throw refused("its limits are not whole numbers above 0");
      if (expiresAt !== undefined && !(expiresAt > createdAt)) {
        throw refused("it would have expired already");
      }
      return await alone(async () => {
        if ((await records()).some(({ key }) => key.name === name)) {
          throw refused(
            `there is a key called "${name}"`,
            "Choose another name, or revoke that key first",
          );
        }
        const secret = newSecret();
        const digest = digestOf(secret)!;
        const key: ClientKey = {
          id: keyId(digest),
          name,
          scope: validScope,
          createdAt,
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(Object.keys(validLimits).length === 0 ? {} : { limits: validLimits }),
        };
        const at = recordKey(digest);
        await store.put(at, serializeClientKey(key)).catch(async (error) => {
          // It may have been saved all the same: a key whose secret nobody was told, and its name taken.
          await store.delete(at).catch(() => {});
          throw error;
        });
        return { key, secret: new Secret(secret) };
      });
    },

    async list(): Promise<ClientKey[]> {
      return (await records()).map(({ key }) => key);
    },

    async revoke(target: string): Promise<ClientKey> {
      const all = await records();
      const meant = all.filter(({ key }) => key.id === target || key.name === target);
      const [first] = meant;
      // Not quoted: somebody may have pasted the secret itself.
      if (first === undefined) {
        throw new GrantwayError("not_found", "Cannot revoke the key: there is none of that name");
      }
      if (meant.length > 1) {
        const ids = meant.map(({ key }) => key.id).join(", ");
        throw new GrantwayError(
          "invalid_request",
          `Cannot revoke the key: ${meant.length} keys are called "${target}"`,
          { hint: `Name one by its id: ${ids}` },
        );
      }
      await store.delete(first.at);
      return first.key;
    },
  };
}

function refused(state: string, hint?: string): GrantwayError {
  return new GrantwayError("invalid_request", `Cannot make the key: ${state}`, { hint });
}
