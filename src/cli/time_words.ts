/**
 * Times as people write and read them.
 *
 * @module
 */

import { UsageError } from "./exit_code.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/**
 * How far from now a text means, ms: `90d`, or a day such as `2026-12-31` (its start in UTC).
 *
 * @throws {UsageError} When it means no time.
 */
export function parseDistance(
  text: string,
  flag: string,
  { now, isPast }: { now: number; isPast: boolean },
): number {
  const span = /^([1-9]\d{0,4})([mhdwy])$/.exec(text);
  if (span !== null) return Number(span[1]) * UNIT_MS[span[2]!]!;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : NaN;
  const distance = isPast ? now - at : at - now;
  if (distance >= 0) return distance;
  throw new UsageError(
    `${flag} takes a time such as 12h, 7d, 4w or 1y, or a day ${isPast ? "before" : "after"} now`,
    Number.isNaN(at) ? undefined : `${text} is ${isPast ? "yet to come" : "over"}`,
  );
}

/** The UTC day of an instant: `2026-07-01`. */
export function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
