/**
 * Sealing: texts at rest as compact JWE, `dir` with A256GCM, under one of a ring of two keys.
 *
 * The protected header names the key (`kid`), the record that the text belongs to (`rid`) and its
 * generation (`gen`), all of them authenticated and compared on opening: a sealed text is worth nothing
 * in the place of another, nor in a later generation of its own record.
 *
 * Each seal has 96 random bits as its nonce. NIST SP 800-38D 8.3 allows 2^32 of them under one key;
 * a store that is written once a second takes 136 years for that.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7516 | RFC 7516}
 * @see {@link https://www.rfc-editor.org/rfc/rfc7518#section-5.3 | RFC 7518 5.3}
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import { parseJsonObject } from "../core/http.ts";
import { Secret } from "../core/secret.ts";
import { decodeBase64Url } from "../core/base64url.ts";
import { type CompactPlaintext, decryptCompact, encryptCompact } from "./compact_jwe.ts";

/** A key of the ring. */
export interface SealingKey {
  /** Its name, which every text that it seals tells. */
  id: string;
  /** 32 bytes as base64url. */
  secret: Secret;
}

/** A text that was sealed. */
export interface OpenedSeal {
  /** The text. */
  text: string;
  /** The generation that it was sealed as. */
  generation: number;
}

/** Seals and opens. */
export interface Sealer {
  /** The name of the key that seals. */
  readonly keyId: string;
  /** Seals `text` as `generation` of `record`, under the ring's first key. */
  seal(text: string, record: string, generation: number): Promise<string>;
  /**
   * Opens what a key of the ring has sealed for `record`. The caller compares the generation.
   *
   * @throws {CredentialError} `storage_read` when the ring lacks the key or its key does not open it,
   * `storage_corrupt` when it is no sealed text or another record's.
   */
  open(sealed: string, record: string): Promise<OpenedSeal>;
}

const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const RING_SIZE = 2;

/**
 * Parses `id:key` or `id:key,id:key`. The first key seals, both open. An id has up to 32 letters,
 * digits, `-` and `_`; a key is 32 random bytes in base64url or base64, as `openssl rand -base64 32`
 * prints them.
 *
 * @throws {GrantwayError} `invalid_configuration`; the message quotes nothing of the text.
 */
export function parseSealingKeys(text: string): SealingKey[] {
  const entries = text.split(",");
  if (entries.length > RING_SIZE) throw malformed(`it has more than ${RING_SIZE} keys`);
  const keys = entries.map((entry, index): SealingKey => {
    const place = entries.length === 1 ? "its key" : `its key ${index + 1}`;
    const [, id, encoded] = /^([^:]*):([^:]*)$/.exec(entry.trim()) ?? [];
    if (id === undefined || encoded === undefined) {
      throw malformed(`${place} is not of the form id:key`);
    }
    // Not quoted: somebody may have written the key in the place of its id.
    if (!KEY_ID.test(id)) throw malformed(`the id of ${place} is not 1 to 32 of A-Z a-z 0-9 - _`);
    const secret = encoded.replaceAll("+", "-").replaceAll("/", "_").replace(/=$/, "");
    if (!/^[\w-]{43}$/.test(secret) || decodeBase64Url(secret).length !== KEY_BYTES) {
      throw malformed(`${place} is not ${KEY_BYTES} bytes in base64url`);
    }
    return { id, secret: new Secret(secret) };
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw malformed("two keys have one id");
  return keys;
}

function malformed(state: string): GrantwayError {
  return new GrantwayError("invalid_configuration", `Cannot use GRANTWAY_KEYS: ${state}`, {
    hint: "Write id:key, or id:key,id:key with the new key first; " +
      "`openssl rand -base64 32` makes a key",
  });
}

// Header, no encrypted key, 12 bytes of nonce, ciphertext, 16 bytes of tag.
const COMPACT_JWE = /^eyJ[\w-]{1,4096}\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/;

/** Whether a stored text is sealed, by its shape. */
export function isSealed(text: string): boolean {
  return COMPACT_JWE.test(text);
}

/** The name of the key that sealed a text, as the text says; `undefined` when it says none. */
export function sealingKeyId(sealed: string): string | undefined {
  if (!isSealed(sealed)) return undefined;
  let header: string;
  try {
    header = new TextDecoder().decode(decodeBase64Url(sealed.slice(0, sealed.indexOf("."))));
  } catch {
    return undefined;
  }
  const id = parseJsonObject(header)?.["kid"];
  return typeof id === "string" && KEY_ID.test(id) ? id : undefined;
}

/** The error of a sealed text whose key is not at hand. Nothing is lost as long as the key is not. */
export function keyMissing(sealed: string, record: string, isSet: boolean): CredentialError {
  const id = sealingKeyId(sealed);
  const state = isSet
    ? `it is sealed with ${id === undefined ? "an unnamed key" : `the key ${id}`}, which ` +
      "GRANTWAY_KEYS does not hold"
    : `it is sealed${id === undefined ? "" : ` with the key ${id}`}, and GRANTWAY_KEYS is not set`;
  return new CredentialError("storage_read", `Cannot read ${record}: ${state}`, {
    hint: "Add that key to GRANTWAY_KEYS. If it is lost, set the store aside and sign in again",
  });
}

/**
 * Creates the sealer of a ring.
 *
 * @throws {TypeError} Without a key.
 */
export function createSealer(keys: readonly SealingKey[]): Sealer {
  const first = keys[0];
  if (first === undefined) throw new TypeError("Cannot seal without a key");
  const imported = new Map<string, Promise<CryptoKey>>();

  function importKey({ id, secret }: SealingKey): Promise<CryptoKey> {
    let key = imported.get(id);
    if (key === undefined) {
      key = crypto.subtle.importKey("raw", decodeBase64Url(secret.expose()), "AES-GCM", false, [
        "encrypt",
        "decrypt",
      ]);
      imported.set(id, key);
    }
    return key;
  }

  return {
    keyId: first.id,

    async seal(text: string, record: string, generation: number): Promise<string> {
      const header = { kid: first.id, rid: record, gen: generation };
      return await encryptCompact({ header, text }, await importKey(first));
    },

    async open(sealed: string, record: string): Promise<OpenedSeal> {
      const corrupt = (state: string) =>
        new CredentialError("storage_corrupt", `Cannot read ${record}: ${state}`);
      if (!isSealed(sealed)) throw corrupt("it is not a sealed text");
      const id = sealingKeyId(sealed);
      const key = keys.find((key) => key.id === id);
      if (key === undefined) throw keyMissing(sealed, record, true);
      let opened: CompactPlaintext;
      try {
        opened = await decryptCompact(sealed, await importKey(key));
      } catch {
        // Which of the two it is, nobody can tell.
        throw new CredentialError(
          "storage_read",
          `Cannot read ${record}: the key ${key.id} does not open it, or somebody changed it`,
          { hint: `Check the key ${key.id} in GRANTWAY_KEYS; nothing has been removed` },
        );
      }
      const { header: { rid, gen }, text } = opened;
      if (rid !== record) throw corrupt("what is sealed in it belongs to another record");
      if (typeof gen !== "number" || !Number.isSafeInteger(gen)) {
        throw corrupt("what is sealed in it has no generation");
      }
      return { text, generation: gen };
    },
  };
}
