/**
 * Sums of requests by day, client key, account and model. Counting alone: it stores nothing and asks
 * no clock, so that a file and a Durable Object keep their books by the same rules.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { UsageEntry, UsageRow, UsageTotals } from "./usage.ts";

/**
 * Rows that one day may have before further accounts and models are counted together: clients choose
 * the names of models, and must not choose the size of the books.
 */
const MAX_ROWS_PER_DAY = 500;
const MAX_TEXT_LENGTH = 100;
/** No request has more tokens; what says so is wrong. */
const MAX_COUNT = 1e9;

/** What stands for account and model in a row that holds several. */
export const OTHER = "(other)";

export const DAY_MS = 86_400_000;

/** Sums. */
export interface UsageTally {
  /** Counts one request. */
  add(entry: UsageEntry): void;
  /** Counts what another tally has counted. */
  merge(rows: readonly UsageRow[]): void;
  /** Copies of the sums, in the order they came. */
  rows(): UsageRow[];
}

/** Creates an empty tally. */
export function createUsageTally(): UsageTally {
  const days = new Map<string, Map<string, UsageRow>>();
  // Of the last entry: of millions, few are the first of their day.
  let lastDay = NaN, lastName = "";

  function dayOf(at: number): string {
    const day = Math.floor(at / DAY_MS);
    if (day !== lastDay) {
      lastDay = day;
      lastName = utcDay(at);
    }
    return lastName;
  }

  function rowOf(of: Pick<UsageRow, "day" | "keyId" | "provider" | "account" | "model">): UsageRow {
    const { day, keyId, provider } = of;
    const account = nameOf(of.account), model = nameOf(of.model);
    let rows = days.get(day);
    if (rows === undefined) days.set(day, rows = new Map());
    const index = `${keyId}\n${provider}\n${account}\n${model}`;
    let row = rows.get(index);
    if (row === undefined) {
      if (rows.size >= MAX_ROWS_PER_DAY && model !== OTHER) {
        return rowOf({ day, keyId, provider, account: OTHER, model: OTHER });
      }
      row = { day, keyId, provider, account, model, ...zeroTotals() };
      rows.set(index, row);
    }
    return row;
  }

  return {
    add: ({ at, keyId, provider, account, model, outcome, ...counts }) => {
      addTotals(rowOf({ day: dayOf(at), keyId, provider, account, model }), {
        requests: 1,
        failures: outcome === "completed" ? 0 : 1,
        inputTokens: countOf(counts.inputTokens),
        cacheReadTokens: countOf(counts.cacheReadTokens),
        cacheWriteTokens: countOf(counts.cacheWriteTokens),
        outputTokens: countOf(counts.outputTokens),
      });
    },
    merge: (rows) => {
      for (const row of rows) addTotals(rowOf(row), row);
    },
    rows: () => [...days.values()].flatMap((rows) => [...rows.values()].map((row) => ({ ...row }))),
  };
}

/** The UTC day of an instant, `2026-07-01`. */
function utcDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Sums of nothing. */
function zeroTotals(): UsageTotals {
  return {
    requests: 0,
    failures: 0,
    inputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
  };
}

/** Adds `more` to `totals`. */
function addTotals(totals: UsageTotals, more: UsageTotals): void {
  totals.requests += more.requests;
  totals.failures += more.failures;
  totals.inputTokens += more.inputTokens;
  totals.cacheReadTokens += more.cacheReadTokens;
  totals.cacheWriteTokens += more.cacheWriteTokens;
  totals.outputTokens += more.outputTokens;
}

/** The sums of the rows that `nameOf` gives one name, in the order of the names. */
export function groupRows(
  rows: readonly UsageRow[],
  nameOf: (row: UsageRow) => string,
): Map<string, UsageTotals> {
  const groups = new Map<string, UsageTotals>();
  for (const row of rows) {
    const name = nameOf(row);
    let totals = groups.get(name);
    if (totals === undefined) groups.set(name, totals = zeroTotals());
    addTotals(totals, row);
  }
  return new Map([...groups].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}

/** The sums of all rows. */
export function sumRows(rows: readonly UsageTotals[]): UsageTotals {
  const totals = zeroTotals();
  for (const row of rows) addTotals(totals, row);
  return totals;
}

function nameOf(text: string): string {
  return /^[\x20-\x7e]{0,100}$/.test(text) ? text : displayText(text, MAX_TEXT_LENGTH);
}

function countOf(value: number): number {
  return value > 0 ? Math.min(Math.round(value), MAX_COUNT) : 0;
}
