/**
 * Whole numbers in flags.
 *
 * @module
 */

import { UsageError } from "./exit_code.ts";

/**
 * The number that a flag was given.
 *
 * @throws {UsageError} When it is no whole number above 0.
 */
export function readCount(text: string, flag: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} takes a whole number above 0, not "${text}"`);
}
