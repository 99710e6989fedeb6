/**
 * The records that an object owns, sealed and open.
 *
 * @module
 */

import type { Lease } from "../../credentials/kv_store.ts";
import { createMemoryStore } from "../../credentials/memory_store.ts";
import { createSealedStore, type SealedStore } from "../../credentials/sealed_store.ts";
import { createKvStore } from "./kv_store.ts";
import { createOwnedStore, type OwnedStore, type OwnedStoreOptions } from "./owned_store.ts";
import { openStorage, type WorkerEnv, type WorkerStorage } from "./worker_env.ts";

/** What the object that owns records works with. */
export interface OwnedStorage extends WorkerStorage {
  /** Its records, as they are sealed. */
  owned: OwnedStore;
  /** The same, open; its leases exclude the other calls of the object. */
  store: SealedStore & Lease;
}

/** Opens the records of the object with that storage. Throws as {@linkcode openStorage}. */
export function openOwnedStorage(
  env: WorkerEnv,
  { storage, now, sleep }: Omit<OwnedStoreOptions, "kv">,
): OwnedStorage {
  const opened = openStorage(env);
  const kv = createKvStore(opened.namespace, { now });
  const owned = createOwnedStore({ storage, kv, now, sleep });
  const { withLease } = createMemoryStore({ now, sleep });
  const { sealer } = opened;
  const store = createSealedStore({ ...owned, withLease }, { sealer, acceptsPlain: false });
  return { ...opened, owned, store };
}
