/**
 * Which sealing keys a gateway elsewhere needs.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import type { SweepPage } from "../../credentials/seal_sweep.ts";

/** KV may show what was there before for so long; mostly it is a minute. */
const KV_MEMORY_MS = 10 * 60_000;

/** What a whole sweep has found. */
export interface Seals {
  /** The key that seals. */
  keyId: string;
  /** The other keys of the ring. */
  otherKeyIds: string[];
  /** How many records are sealed with which key. */
  counts: Record<string, number>;
  /** How many of them were sealed anew now. */
  changed: number;
  /** What could not be read or written. */
  problems: string[];
  /** From when on only `keyId` is needed, ms since the epoch; undefined while others are. */
  droppableAt: number | undefined;
}

/**
 * Adds up the pages of a sweep.
 *
 * @throws {GrantwayError} `overloaded` when the gateway changes to another ring meanwhile.
 */
export async function sumPages(pages: AsyncIterable<SweepPage>): Promise<Seals> {
  let seals: Seals | undefined;
  let changedAt: number | undefined;
  for await (const page of pages) {
    const { keyId, otherKeyIds } = page;
    seals ??= { keyId, otherKeyIds, counts: {}, changed: 0, problems: [], droppableAt: undefined };
    if (keyId !== seals.keyId) {
      throw new GrantwayError("overloaded", "Its sealing keys are being changed just now", {
        retryable: true,
        hint: "Run it again in a minute",
      });
    }
    for (const [id, records] of Object.entries(page.counts)) {
      seals.counts[id] = (seals.counts[id] ?? 0) + records;
    }
    seals.changed += page.changed;
    seals.problems.push(...page.problems);
    changedAt = page.changedAt;
  }
  if (isDone(seals!) && changedAt !== undefined) seals!.droppableAt = changedAt + KV_MEMORY_MS;
  return seals!;
}

/** Whether everything is sealed with the first key. */
export function isDone({ keyId, counts, problems }: Seals): boolean {
  return problems.length === 0 && Object.keys(counts).every((id) => id === keyId);
}

/** A count in words. */
export function recordsText(records: number): string {
  return records === 1 ? "1 record" : `${records} records`;
}
