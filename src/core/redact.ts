/**
 * What may leave the process as text: server strings made safe for a terminal, and secrets as
 * fingerprints.
 *
 * @module
 */

import { toHex } from "./hex.ts";

// An allow-list: letters, marks, numbers, punctuation and symbols; so no control, no escape, no
// bidirectional or other format character, no lone surrogate, nothing private or unassigned. Of those
// allowed, some have no glyph: Unicode calls them ignorable, and U+2800 is a blank Braille pattern.
// A text, not a literal: engines work out the classes of a literal when they load the module, which
// takes longer than loading three others.
const UNPRINTABLE = String
  .raw`[^\p{L}\p{M}\p{N}\p{P}\p{S}]|\p{Default_Ignorable_Code_Point}|\u2800`;
let unprintable: RegExp | undefined;

/**
 * A string of a server's as one line that is safe to print: control, bidirectional and invisible
 * characters become spaces, runs of spaces one, and what is longer than `maxLength` is cut.
 */
export function displayText(text: string, maxLength = 200): string {
  unprintable ??= new RegExp(UNPRINTABLE, "gu");
  const line = text.slice(0, maxLength * 4).replace(unprintable, " ").replace(/ +/g, " ").trim();
  const characters = [...line];
  return characters.length <= maxLength ? line : `${characters.slice(0, maxLength - 1).join("")}…`;
}

/** A shorter piece of a secret is of no use, and may be a common word. */
const MIN_PIECE = 8;

/**
 * A string of a server's without our secrets, which servers like to echo: every piece of a secret,
 * raw or escaped for a URL or for JSON, that is at least 8 characters long becomes `…`, since they
 * also cut and fold what they echo.
 *
 * It takes time in proportion to the length of the text; cut that first.
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const own = secrets.filter((secret) => secret !== "").flatMap((secret) => [
    secret,
    // By way of bytes: a lone surrogate cannot be escaped.
    encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(secret))),
    JSON.stringify(secret).slice(1, -1),
  ]);
  let masked = "", at = 0;
  while (at < text.length) {
    let length = 0;
    for (const secret of own) {
      let end = at + Math.min(MIN_PIECE, secret.length);
      if (end > text.length || !secret.includes(text.slice(at, end))) continue;
      while (end < text.length && secret.includes(text.slice(at, end + 1))) end++;
      length = Math.max(length, end - at);
    }
    masked += length === 0 ? text[at] : "…";
    at += length || 1;
  }
  return masked;
}

/** The first 8 hex digits of a secret's SHA-256: enough to compare, useless to an attacker. */
export async function fingerprint(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return toHex(new Uint8Array(digest, 0, 4));
}
