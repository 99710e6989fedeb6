/**
 * Proof key for code exchange: verifier, challenge and state. The challenge method is S256 alone;
 * there is no way to ask for `plain`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7636 | RFC 7636}
 * @module
 */

import { encodeBase64Url } from "../core/base64url.ts";

export { decodeBase64Url, encodeBase64Url } from "../core/base64url.ts";

/** 32 octets make 43 characters, as RFC 7636 4.1 recommends. */
const VERIFIER_BYTES = 32;
const STATE_BYTES = 16;

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
