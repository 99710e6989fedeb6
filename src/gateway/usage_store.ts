/**
 * The books over a store with mutual exclusion, such as a file: one record per UTC day, which ends by
 * itself after {@linkcode USAGE_DAYS}. Whoever adds to a day reads it, adds and writes it back under a
 * lease, so that several gateways add up.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { parseJsonObject } from "../core/http.ts";
import { type KvStore, type Lease, listAllKeys } from "../credentials/kv_store.ts";
import type { UsageQuery, UsageRow, UsageStore } from "./usage.ts";
import { createUsageTally, DAY_MS } from "./usage_tally.ts";

/** How many days are kept, today included. */
export const USAGE_DAYS = 92;

const PREFIX = "usage/";
const LEASE = "gateway/usage";
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const RECORD_VERSION = 1;

/** What the books are made of. */
export interface KvUsageStoreOptions {
  /** Where they are. */
  store: KvStore;
  /** Excludes others while they add. */
  lease: Lease;
}

/** Creates the books over a store. */
export function createKvUsageStore({ store, lease }: KvUsageStoreOptions): UsageStore {
  const readDay = async (day: string) => parseDay(day, await store.get(PREFIX + day));
  return {
    async add(rows: readonly UsageRow[]): Promise<void> {
      if (rows.length === 0) return;
      await lease.withLease(LEASE, async () => {
        for (const day of new Set(rows.map(({ day }) => day))) {
          const tally = createUsageTally();
          tally.merge(await readDay(day));
          tally.merge(rows.filter((row) => row.day === day));
          await store.put(PREFIX + day, serializeDay(tally.rows()), {
            expiresAt: Date.parse(day) + USAGE_DAYS * DAY_MS,
          });
        }
      });
    },

    async read({ from = "", to = "~", keyId }: UsageQuery): Promise<UsageRow[]> {
      const days = (await listAllKeys(store, PREFIX)).map((key) => key.slice(PREFIX.length))
        .filter((day) => DAY.test(day) && day >= from && day <= to).sort();
      const rows = (await Promise.all(days.map(readDay))).flat();
      return keyId === undefined ? rows : rows.filter((row) => row.keyId === keyId);
    },
  };
}

const NAMES = ["keyId", "provider", "account", "model"] as const;
const COUNTS = [
  "requests",
  "failures",
  "inputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "outputTokens",
] as const;

/** Rows without the names of their fields, which would be most of the text. */
function serializeDay(rows: readonly UsageRow[]): string {
  return JSON.stringify({
    version: RECORD_VERSION,
    columns: [...NAMES, ...COUNTS],
    rows: rows.map((
      row,
    ) => [...NAMES.map((name) => row[name]), ...COUNTS.map((name) => row[name])]),
  });
}

/**
 * The rows of a day's record.
 *
 * @throws {GrantwayError} `storage_corrupt` for one that is not understood, which is never written over.
 */
function parseDay(day: string, text: string | null): UsageRow[] {
  if (text === null) return [];
  const record = parseJsonObject(text) ?? {};
  const corrupt = (state: string, hint?: string) =>
    new GrantwayError("storage_corrupt", `Cannot read the usage of ${day}: ${state}`, { hint });
  if (typeof record["version"] === "number" && record["version"] > RECORD_VERSION) {
    throw corrupt("a newer Grantway wrote it", "Update Grantway");
  }
  const rows = record["rows"];
  if (!Array.isArray(rows)) throw corrupt("its record is damaged");
  return rows.map((values: unknown) => {
    const row = Array.isArray(values) ? values : [];
    const counts = row.slice(NAMES.length, NAMES.length + COUNTS.length);
    const isRow = row.slice(0, NAMES.length).every((name) => typeof name === "string") &&
      counts.length === COUNTS.length && counts.every((n) => Number.isFinite(n) && n >= 0);
    if (!isRow) throw corrupt("its record is damaged");
    const fields = [...NAMES, ...COUNTS].map((name, i) => [name, row[i]]);
    return { day, ...Object.fromEntries(fields) } as UsageRow;
  });
}
