/**
 * Proof key for code exchange: verifier, challenge and state. The challenge method is S256 alone;
 * there is no way to ask for `plain`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7636 | RFC 7636}
 * @module
 */

/** 32 octets make 43 characters, as RFC 7636 4.1 recommends. */
const VERIFIER_BYTES = 32;
const STATE_BYTES = 16;

/** Encodes bytes in the URL-safe alphabet without padding (RFC 7636 appendix A). */
export function encodeBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Decodes {@linkcode encodeBase64Url}.
 *
 * @throws {TypeError} When `text` has a character outside the alphabet, or an impossible length.
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) {
    throw new TypeError("Cannot decode base64url: the text is none");
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** A fresh verifier: 43 characters that carry 256 random bits. Secret until the exchange is done. */
export function createVerifier(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(VERIFIER_BYTES)));
}

/** The S256 challenge of a verifier. */
export async function createChallenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return encodeBase64Url(new Uint8Array(digest));
}

/** Whether two secrets are the same; takes the same time wherever they differ. */
export function isSameSecret(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}

/** A fresh state: 22 characters that carry 128 random bits. */
export function createState(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(STATE_BYTES)));
}
