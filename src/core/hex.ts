/**
 * Bytes as hex digits, for digests and fingerprints.
 *
 * @module
 */

const DIGITS = "0123456789abcdef";

/** Two lower-case digits for each byte. */
export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += DIGITS[byte >> 4]! + DIGITS[byte & 15]!;
  return hex;
}
