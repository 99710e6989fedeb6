/**
 * Goes over everything that is sealed, page by page: which keys of the ring it needs, and on demand
 * seals anew what an older key has sealed. What was done stays done, so a sweep that ended in the middle
 * is begun again.
 *
 * A record is changed by whoever owns it: a login's by its object, any other here, under the lease that
 * every change of it takes. So what is sealed anew is always the newest.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { type Lease, listAllKeys } from "../../credentials/kv_store.ts";
import type { SealedStore } from "../../credentials/sealed_store.ts";
import type { SweepPage, SweepRequest } from "../../credentials/seal_sweep.ts";
import { type Sealer, sealingKeyId } from "../../credentials/sealing.ts";
import type { CredentialCaller } from "./credential_call.ts";
import { ACCESS_PREFIX, accessKey, ACCOUNTS_KEY, parseAccounts } from "./credential_record.ts";
import type { ObjectStorage } from "./durable_object.ts";
import { createKvStore, type KvNamespace } from "./kv_store.ts";
import type { OwnedStore } from "./owned_store.ts";

/** Goes over one page. */
export type SealSweep = (request: SweepRequest) => Promise<SweepPage>;

/** What a sweep goes over. */
export interface SealSweepOptions {
  /** The object's own storage. */
  storage: ObjectStorage;
  /** KV. */
  namespace: KvNamespace;
  /** What is owned here, as it is sealed. */
  owned: OwnedStore;
  /** The same, open. */
  store: SealedStore & Lease;
  /** Its sealer. */
  sealer: Sealer;
  /** The other keys of the ring. */
  otherKeyIds: string[];
  /** Reaches the objects of logins. */
  call: CredentialCaller;
  /** Wall clock, ms since the epoch. */
  now: () => number;
}

/** A free plan lets one request make 50 calls of KV and objects; a record takes up to three. */
const PAGE_SIZE = 10;
const STATE_KEY = "sweep";

interface State {
  keyId: string;
  changedAt: number;
}

/** Creates the sweep. */
export function createSealSweep(options: SealSweepOptions): SealSweep {
  const { storage, namespace, owned, store, sealer, otherKeyIds, call, now } = options;
  const { keyId } = sealer;

  return async ({ cursor = "own/", isChanging }: SweepRequest): Promise<SweepPage> => {
    const page: SweepPage = { keyId, otherKeyIds, counts: {}, changed: 0, problems: [] };
    const count = (id: string | undefined, records = 1) => {
      const name = id ?? "none";
      page.counts[name] = (page.counts[name] ?? 0) + records;
    };

    /** Of a record that is owned here, or that only KV has. */
    async function visit(key: string, sealed: string, expiresAt?: number): Promise<void> {
      if (key === ACCOUNTS_KEY) await visitUnpublished();
      const id = sealingKeyId(sealed);
      if (id === keyId || !isChanging) return count(id);
      try {
        await store.withLease(key, async () => {
          // Somebody may have changed or removed it by now.
          const text = await store.get(key);
          if (text === null) return;
          if ((await store.sealState(key) as { keyId?: string }).keyId !== keyId) {
            await store.put(key, text, { expiresAt });
            page.changed++;
          }
          count(keyId);
        });
      } catch (error) {
        count(id);
        fail(error);
      }
    }

    /** Logins that KV shows nothing of: they are not met there. */
    async function visitUnpublished(): Promise<void> {
      const published = new Set(await listAllKeys(createKvStore(namespace), ACCESS_PREFIX));
      const names = parseAccounts(await store.get(ACCOUNTS_KEY).catch(() => null));
      for (const name of names) {
        if (!published.has(accessKey(name))) await visitLogin(name.provider, name.id);
      }
    }

    async function visitLogin(provider: string, id: string): Promise<void> {
      try {
        const done = await call({ provider, id }, "reseal", { isChanging });
        for (const [name, records] of Object.entries(done.counts)) count(name, records);
        page.changed += done.changed;
      } catch (error) {
        count("unknown");
        fail(error);
      }
    }

    function fail(error: unknown): void {
      if (!(error instanceof GrantwayError)) throw error;
      page.problems.push(error.message);
    }

    const behind = cursor === "own/" ? await owned.behind() : 0;
    if (behind > 0) page.problems.push(`Records that KV did not take yet: ${behind}`);
    if (cursor.startsWith("own/")) {
      const rows = await owned.rows(cursor.slice("own/".length), PAGE_SIZE);
      for (const [key, { text, expiresAt }] of rows) {
        if (text !== null) await visit(key, text, expiresAt);
      }
      page.cursor = rows.length < PAGE_SIZE ? "kv/" : `own/${rows.at(-1)![0]}`;
    } else {
      // A page of KV is longer than one of these: its cursor stands behind the last key of this one.
      const [last, rest] = cursor.slice("kv/".length).split("\n") as [string, string | undefined];
      const listed = await namespace.list(
        rest === undefined ? { prefix: "" } : { prefix: "", cursor: rest },
      );
      let visited = 0;
      for (const { name: key } of listed.keys) {
        const [kind, provider, id] = key.split("/");
        // The objects of logins see to their grants.
        if (key <= last || kind === "grant" || await owned.row(key) !== undefined) continue;
        if (visited++ === PAGE_SIZE) break;
        if (kind === "access" && provider !== undefined && id !== undefined) {
          await visitLogin(provider, id);
        } else {
          const { value, metadata } = await namespace.getWithMetadata(key, "text");
          const { expiresAt } = (metadata ?? {}) as { expiresAt?: number };
          if (value !== null) await visit(key, value, expiresAt);
        }
        page.cursor = rest === undefined ? `kv/${key}` : `kv/${key}\n${rest}`;
      }
      if (visited <= PAGE_SIZE) {
        const isLast = listed.list_complete || listed.cursor === undefined;
        page.cursor = isLast ? undefined : `kv/\n${listed.cursor}`;
      }
    }

    const state = (await storage.get([STATE_KEY])).get(STATE_KEY) as State | undefined;
    if (page.changed > 0 || (isChanging && state?.keyId !== keyId)) {
      page.changedAt = now();
      await storage.put({ [STATE_KEY]: { keyId, changedAt: page.changedAt } satisfies State });
    } else if (state?.keyId === keyId) {
      page.changedAt = state.changedAt;
    }
    return page;
  };
}
