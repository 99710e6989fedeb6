/**
 * Compact JWE of one kind: the key used directly (`dir`), A256GCM. That is AES-GCM of Web Crypto with
 * five parts around it; a whole JOSE implementation is a tenth of the Worker's bundle.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7516#section-5 | RFC 7516 5}
 * @see {@link https://www.rfc-editor.org/rfc/rfc7518#section-5.3 | RFC 7518 5.3}
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "../core/base64url.ts";
import { type JsonObject, parseJsonObject } from "../core/http.ts";

const ALGORITHMS = { alg: "dir", enc: "A256GCM" };
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What was encrypted, and the header that was authenticated with it. */
export interface CompactPlaintext {
  /** The protected header. */
  header: JsonObject;
  /** The text. */
  text: string;
}

/** Encrypts `text` under a 256-bit AES-GCM key; `header` is added to the protected header. */
export async function encryptCompact(
  { header, text }: CompactPlaintext,
  key: CryptoKey,
): Promise<string> {
  const encoder = new TextEncoder();
  const encodedHeader = encodeBase64Url(
    encoder.encode(JSON.stringify({ ...ALGORITHMS, ...header })),
  );
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: encoder.encode(encodedHeader) };
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt(algorithm, key, encoder.encode(text)),
  );
  // No encrypted key: it is used directly.
  return [
    encodedHeader,
    "",
    encodeBase64Url(nonce),
    encodeBase64Url(sealed.subarray(0, -TAG_BYTES)),
    encodeBase64Url(sealed.subarray(-TAG_BYTES)),
  ].join(".");
}

/**
 * Decrypts what {@linkcode encryptCompact}, or another implementation, has encrypted.
 *
 * @throws When the key does not open it, anything of it was changed, or it is of another kind.
 */
export async function decryptCompact(jwe: string, key: CryptoKey): Promise<CompactPlaintext> {
  const [encodedHeader, encryptedKey, ...rest] = jwe.split(".");
  const [nonce, ciphertext, tag] = rest.map(decodeBase64Url);
  if (encryptedKey !== "" || rest.length !== 3) throw new TypeError("It is no direct compact JWE");
  if (nonce!.length !== NONCE_BYTES || tag!.length !== TAG_BYTES) {
    throw new TypeError("Its nonce or its tag has another length");
  }
  const sealed = new Uint8Array(ciphertext!.length + TAG_BYTES);
  sealed.set(ciphertext!);
  sealed.set(tag!, ciphertext!.length);
  const additionalData = new TextEncoder().encode(encodedHeader!);
  const opened = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: nonce!, additionalData },
    key,
    sealed,
  );
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const header = parseJsonObject(decoder.decode(decodeBase64Url(encodedHeader!)));
  const { alg, enc } = ALGORITHMS;
  // What a header makes critical, or a compression, would have to be understood (RFC 7516 4.1).
  if (header?.["alg"] !== alg || header["enc"] !== enc || "crit" in header || "zip" in header) {
    throw new TypeError("It is a JWE of another kind");
  }
  return { header, text: decoder.decode(opened) };
}
