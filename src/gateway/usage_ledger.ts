/**
 * Counts requests in memory and saves the sums every few seconds: a request waits for nothing, and a
 * crash loses what was counted since.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { UsageEntry, UsageLedger, UsageQuery, UsageRow, UsageStore } from "./usage.ts";
import { createUsageTally } from "./usage_tally.ts";

/** What a ledger is made of. */
export interface UsageLedgerOptions {
  /** Where the sums go. */
  store: UsageStore;
  /** Waits; rejects with the signal's reason when aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** How long counted requests may wait to be saved, ms. Default: 5,000. */
  saveEveryMs?: number | undefined;
  /** Told, once in a row of them, that the sums could not be saved; they are kept and tried again. */
  onWarning?: ((message: string) => void) | undefined;
}

const DEFAULT_SAVE_EVERY_MS = 5_000;

/** Creates a ledger. It waits only while something is not saved: after `flush` nothing is left to do. */
export function createUsageLedger(options: UsageLedgerOptions): UsageLedger {
  const { store, sleep, saveEveryMs = DEFAULT_SAVE_EVERY_MS, onWarning } = options;
  let unsaved = createUsageTally();
  let waiting: AbortController | undefined;
  let hasWarned = false;
  // Saves and reads take turns, so that a report sees each request in one place.
  let lastTurn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = lastTurn.then(run);
    lastTurn = turn.catch(() => {});
    return turn;
  };

  async function save(): Promise<void> {
    const rows = unsaved.rows();
    if (rows.length === 0) return;
    unsaved = createUsageTally();
    try {
      await store.add(rows);
      hasWarned = false;
    } catch (error) {
      unsaved.merge(rows);
      throw error;
    }
  }

  async function saveLater(): Promise<void> {
    const { signal } = waiting = new AbortController();
    try {
      await sleep(saveEveryMs, signal);
    } catch {
      return; // `flush` saves.
    }
    waiting = undefined;
    try {
      await inTurn(save);
    } catch (error) {
      if (!hasWarned) {
        onWarning?.(`Usage is not saved: ${displayText(String((error as Error).message))}`);
      }
      hasWarned = true;
      if (waiting === undefined) saveLater();
    }
  }

  return {
    record: (entry: UsageEntry): void => {
      unsaved.add(entry);
      if (waiting === undefined) saveLater();
    },

    report: (query: UsageQuery = {}): Promise<UsageRow[]> =>
      inTurn(async () => {
        const tally = createUsageTally();
        tally.merge(await store.read(query));
        tally.merge(unsaved.rows().filter((row) => isAskedFor(row, query)));
        return tally.rows().sort((a, b) => a.day < b.day ? -1 : a.day > b.day ? 1 : 0);
      }),

    flush: (): Promise<void> => {
      waiting?.abort();
      waiting = undefined;
      return inTurn(save);
    },
  };
}

function isAskedFor({ day, keyId }: UsageRow, query: UsageQuery): boolean {
  return day >= (query.from ?? "") && day <= (query.to ?? "~") &&
    (query.keyId === undefined || keyId === query.keyId);
}
