/**
 * What a Durable Object does for its credential: hands out access tokens, refreshes ahead of expiry,
 * takes logins and gives them up. The object alone holds the refresh token and spends it.
 *
 * The runtime makes it the only holder; what of an earlier instance may still be under way is treated
 * like a crashed process: its attempt stands in the storage, and {@linkcode ObjectStore.recover} looks
 * for its answer. The rest is the keeper that files have, too.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { createAccessTokenSource, type Keeper } from "../../credentials/access_token_source.ts";
import { type Credential, credentialKey } from "../../credentials/credential.ts";
import { createCredentialStore } from "../../credentials/credential_store.ts";
import type { KvStore, Lease } from "../../credentials/kv_store.ts";
import { createMemoryStore } from "../../credentials/memory_store.ts";
import type { RotationOptions } from "../../credentials/rotation.ts";
import { bounded } from "./bounded.ts";
import { type CredentialRecord, withoutGrant } from "./credential_record.ts";
import { createObjectStore, type ObjectStoreOptions } from "./object_store.ts";

/** KV shows everybody a write within a minute, mostly. */
const KV_VISIBLE_MS = 61_000;
const PUBLISH_WAIT_MS = 5_000;
const REFRESHING_POLL_MS = 5_000;
/** A refresh takes a second or two; after an interruption minutes. */
const VISIT_WAIT_MS = 5_000;

/** What an object's keeper is made of. */
export interface ObjectKeeperOptions
  extends
    Omit<ObjectStoreOptions, "jitter">,
    Omit<RotationOptions, "store" | "recover" | "critical"> {}

/** What is asked of {@linkcode ObjectKeeper.token}. */
export interface TokenRequest {
  /** Upstream refused a bearer of this generation. */
  rejectedGeneration?: number | undefined;
  /** The newest generation that the caller has seen. */
  knownGeneration?: number | undefined;
}

/** The keeper of an object's credential. */
export interface ObjectKeeper {
  /**
   * What is fresh now, without its refresh token.
   *
   * @throws {CredentialError} As {@linkcode AccessTokenSource.get}.
   */
  token(request: TokenRequest): Promise<CredentialRecord>;
  /** Refreshes now, due or not. */
  refresh(): Promise<CredentialRecord>;
  /** What is stored, without its refresh token; undefined when nothing ever was. */
  read(): Promise<CredentialRecord | undefined>;
  /**
   * Stores a login or a change, if `generation` is what is stored now (0: nothing). A credential
   * without refresh token whose access token is the stored one's keeps its refresh token.
   *
   * @returns What is stored then; undefined when it was another generation.
   */
  write(credential: Credential, generation: number): Promise<CredentialRecord | undefined>;
  /**
   * Has `visit` see each record that KV has of it and may still be read, with a function that writes it
   * anew. Nothing is changed meanwhile.
   *
   * @throws {CredentialError} `lease_timeout` while it is being refreshed.
   */
  visitKv(visit: (kvKey: string, rewrite: () => Promise<void>) => Promise<void>): Promise<void>;
  /** Removes the credential; returns it as it was last, refresh token included, to revoke that. */
  remove(): Promise<Credential | null>;
  /** Refreshes if that is due, and sets the next alarm. */
  alarm(): Promise<void>;
}

/** Creates the keeper of an object's credential; nothing is read before it is used. */
export function createObjectKeeper(options: ObjectKeeperOptions): ObjectKeeper {
  const { provider, id, now, sleep, onWarning } = options;
  const key = credentialKey(provider, id);
  const jitter = options.random();
  const objectStore = createObjectStore({ ...options, jitter });
  const { withLease } = createMemoryStore({ now, sleep });
  const store: KvStore & Lease = { ...objectStore, withLease };
  const credentials = createCredentialStore(store, store);
  let keeper = createKeeper();

  function createKeeper(): Keeper {
    return createAccessTokenSource({
      ...options,
      store,
      lease: store,
      recover: objectStore.recover,
      random: () => jitter,
    });
  }

  /** Ends what waits, and waits for what was sent: what is stored is about to change. */
  async function settle(): Promise<void> {
    const ending = keeper;
    keeper = createKeeper();
    // What could not be saved is told to those who asked for it.
    await ending.settled().catch((error: Error) => onWarning(error.message));
  }

  /** Asks the keeper, and the next one when a login or logout has ended it meanwhile. */
  async function current<T>(ask: (keeper: Keeper) => Promise<T>): Promise<T> {
    for (;;) {
      const asked = keeper;
      try {
        return await ask(asked);
      } catch (error) {
        if (asked === keeper || error instanceof GrantwayError) throw error;
      }
    }
  }

  async function show(): Promise<CredentialRecord | undefined> {
    const record = await objectStore.load();
    return record && withoutGrant(record);
  }

  /** What `change` returns, with the tokens that the stored credential has and `change` has not. */
  function withGrant(changed: Credential, stored: Credential | null): Credential {
    const { tokens } = changed;
    return tokens !== null && !tokens.refreshToken &&
        tokens.accessToken === stored?.tokens?.accessToken
      ? { ...changed, tokens: stored.tokens, intent: stored.intent }
      : changed;
  }

  async function token(request: TokenRequest): Promise<CredentialRecord> {
    const { rejectedGeneration, knownGeneration = -1 } = request;
    const bearer = await current((asked) => asked.get({ rejectedGeneration }));
    const record = (await objectStore.load())!;
    // Its login has ended in this moment: the keeper says so.
    if (record.credential?.tokens == null) return await token(request);
    const { publishedAt } = objectStore;
    const isBehind = knownGeneration < record.generation && publishedAt !== undefined &&
      now() - publishedAt > KV_VISIBLE_MS;
    if (isBehind) objectStore.publish();
    const shown = withoutGrant(record);
    if (shown.generation === bearer.generation) return shown;
    // It is not saved yet, and better than none.
    const credential: Credential = {
      ...shown.credential!,
      generation: bearer.generation,
      tokens: { ...shown.credential!.tokens, accessToken: bearer.value },
      expiresAt: bearer.expiresAt,
      issuedAt: now(),
    };
    return { generation: bearer.generation, attempt: 0, credential };
  }

  return {
    token,
    read: show,

    async refresh(): Promise<CredentialRecord> {
      await current((asked) => asked.refresh());
      return (await show())!;
    },

    async write(credential: Credential, generation: number) {
      await settle();
      const written = await store.withLease(key, async () => {
        const record = await objectStore.load();
        if ((record?.credential?.generation ?? 0) !== generation) return undefined;
        const stored = record?.credential ?? null;
        // After a removal, generations go on.
        const next = stored === null && record !== undefined
          ? { ...credential, generation: Math.max(credential.generation, record.generation + 1) }
          : credential;
        await objectStore.put(key, JSON.stringify(withGrant(next, stored)));
        return await show();
      });
      // Whoever signs in wants to be seen; where KV is slow, that comes by itself.
      await bounded(objectStore.settled(), PUBLISH_WAIT_MS, "publish a login", sleep)
        .catch((error: Error) => onWarning(error.message));
      return written;
    },

    visitKv: (visit): Promise<void> =>
      store.withLease(key, async () => {
        for (const kvKey of await objectStore.keysInKv()) {
          await visit(kvKey, () => objectStore.rewrite(kvKey));
        }
      }, { timeoutMs: VISIT_WAIT_MS }),

    async remove(): Promise<Credential | null> {
      await settle();
      return await credentials.remove(provider, id);
    },

    async alarm(): Promise<void> {
      if ((await objectStore.load())?.credential == null) return;
      try {
        await keeper.renew();
      } catch (error) {
        if (!(error instanceof GrantwayError)) throw error;
        onWarning(error.message);
      }
      // As long as the handler runs, the object stays; and what is under way must not be disturbed.
      while (keeper.state === "refreshing") await sleep(REFRESHING_POLL_MS);
      await objectStore.scheduleRetry();
    },
  };
}
