/**
 * What may leave the process as text: server strings made safe for a terminal, and secrets as
 * fingerprints.
 *
 * @module
 */

// C0 and C1 controls, DEL, bidirectional controls, zero-width and other invisible format characters.
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * A string of a server's as one line that is safe to print: control, bidirectional and invisible
 * characters become spaces, runs of spaces one, and what is longer than `maxLength` is cut.
 */
export function displayText(text: string, maxLength = 200): string {
  const line = text.slice(0, maxLength * 4).replace(UNPRINTABLE, " ").replace(/ +/g, " ").trim();
  const characters = [...line];
  return characters.length <= maxLength ? line : `${characters.slice(0, maxLength - 1).join("")}…`;
}

/** The first 8 hex digits of a secret's SHA-256: enough to compare, useless to an attacker. */
export async function fingerprint(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return Array.from(new Uint8Array(digest, 0, 4), (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
