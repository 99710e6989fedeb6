/**
 * The JSON document of the file store: `{ "version": 1, "providers": { "<provider>": [credential, …] },
 * "records": { "<key>": { "value": …, "expiresAt"?: … } } }`, and a last field `digest`.
 *
 * What it does not know it keeps, at every level. `digest` covers the bytes before it; it is checked
 * on a spare file only, since people may edit the document by hand.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import { toHex } from "../core/hex.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { credentialKey, parseCredentialKey } from "./credential.ts";

/** The newest layout that this code may write. */
export const DOCUMENT_VERSION = 1;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Deeper JSON than anybody has a use for; what is much deeper exhausts the stack. */
const MAX_DEPTH = 200;

/** SHA-256. */
export type Digest = (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** The parsed document; fields beside these are kept. */
export interface StoreDocument {
  /** Layout version. */
  version: number;
  /** Credentials by provider, in the user's order. */
  providers: { [provider: string]: JsonObject[] };
  /** Everything else, by key. */
  records: { [key: string]: unknown };
  [field: string]: unknown;
}

/** A document without content. */
export function emptyDocument(): StoreDocument {
  return { version: DOCUMENT_VERSION, providers: {}, records: {} };
}

/**
 * Parses a document; a byte order mark is tolerated.
 *
 * @throws {CredentialError} `storage_corrupt`, naming `path` and what mends it.
 */
export function parseDocument(bytes: Uint8Array, path: string): StoreDocument {
  const corrupt = (state: string, cause?: unknown) =>
    new CredentialError("storage_corrupt", `Cannot read ${path}: ${state}`, {
      cause,
      hint: "Run `grantway doctor --fix` to set the file aside, or repair it by hand",
    });
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    // The parser's own error may quote what is in the file.
    throw corrupt("it is not JSON; `grantway doctor --fix` sets it aside");
  }
  const wrong = wrongField(value);
  if (wrong !== undefined) {
    throw corrupt(
      `"${wrong}" is not what it should be; \`grantway doctor --fix\` sets the file aside`,
    );
  }
  // It could be read, but never be written again.
  if (isDeeperThan(value, MAX_DEPTH)) {
    throw corrupt("it is nested too deeply; `grantway doctor --fix` sets the file aside");
  }
  const document = value as JsonObject;
  delete document.digest;
  document.version ??= DOCUMENT_VERSION;
  document.providers ??= {};
  document.records ??= {};
  return document as StoreDocument;
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(member, depth - 1));
}

function wrongField(value: unknown): string | undefined {
  if (!isJsonObject(value)) return "document";
  const { version = DOCUMENT_VERSION, providers = {}, records = {} } = value;
  if (!Number.isInteger(version) || (version as number) < 1) return "version";
  if (!isJsonObject(providers)) return "providers";
  for (const [provider, list] of Object.entries(providers)) {
    const isList = Array.isArray(list) &&
      list.every((element) => isJsonObject(element) && typeof element.id === "string");
    if (!isList) return `providers.${displayText(provider, 64)}`;
  }
  return isJsonObject(records) ? undefined : "records";
}

/** A document that can be changed without changing this one; what it holds is replaced, not changed. */
export function copyDocument(document: StoreDocument): StoreDocument {
  const providers = Object.entries(document.providers).map(([name, list]) => [name, [...list]]);
  return {
    ...document,
    providers: Object.fromEntries(providers),
    records: Object.fromEntries(Object.entries(document.records)),
  };
}

/** The text under `key`, unless it has expired. */
export function getRecord(document: StoreDocument, key: string, now: number): string | null {
  const name = parseCredentialKey(key);
  if (name !== undefined) {
    const found = credentialsOf(document, name.provider).find((element) => element.id === name.id);
    return found === undefined ? null : JSON.stringify(found);
  }
  const record = ownValue(document.records, key);
  return isLive(record, now) ? record.value : null;
}

/**
 * Puts `value` under `key`: a credential in its own place, or at the end of its provider's list.
 *
 * @throws {CredentialError} `storage_write` when what is stored is newer.
 */
export function putRecord(
  document: StoreDocument,
  key: string,
  value: string,
  expiresAt?: number,
): void {
  const name = parseCredentialKey(key);
  if (name === undefined) {
    // Not an assignment: a key may be `__proto__`.
    Object.defineProperty(document.records, key, {
      value: expiresAt === undefined ? { value } : { value, expiresAt },
      configurable: true,
      enumerable: true,
      writable: true,
    });
    return;
  }
  const credential = parseJsonObject(value);
  if (credential === undefined || credential.id !== name.id || expiresAt !== undefined) {
    throw new TypeError(`The value of ${key} must be that credential, without expiry`);
  }
  const list = credentialsOf(document, name.provider);
  const index = list.findIndex((element) => element.id === name.id);
  if (index < 0) {
    document.providers[name.provider] = [...list, credential];
  } else {
    refuseEarlier(key, credential, list[index]!);
    list[index] = credential;
  }
}

/** Removes what is under `key`; `false` when there was nothing. */
export function deleteRecord(document: StoreDocument, key: string): boolean {
  const name = parseCredentialKey(key);
  if (name === undefined) {
    const found = Object.hasOwn(document.records, key);
    delete document.records[key];
    return found;
  }
  const list = credentialsOf(document, name.provider);
  const kept = list.filter((element) => element.id !== name.id);
  if (kept.length === list.length) return false;
  if (kept.length === 0) delete document.providers[name.provider];
  else document.providers[name.provider] = kept;
  return true;
}

/** The keys that start with `prefix`: records in code-unit order, credentials in the document's. */
export function listRecords(document: StoreDocument, prefix: string, now: number): string[] {
  const credentials = Object.entries(document.providers).flatMap(([provider, list]) =>
    list.map((element) => credentialKey(provider, element.id as string))
  ).filter((key) => parseCredentialKey(key) !== undefined);
  const records = Object.entries(document.records)
    .filter(([key, record]) => isLive(record, now) && parseCredentialKey(key) === undefined)
    .map(([key]) => key).sort();
  return [...credentials, ...records].filter((key) => key.startsWith(prefix));
}

/** Forgets the records that have expired. */
export function dropExpired(document: StoreDocument, now: number): void {
  for (const [key, record] of Object.entries(document.records)) {
    if (isJsonObject(record) && typeof record.expiresAt === "number" && record.expiresAt <= now) {
      delete document.records[key];
    }
  }
}

/**
 * Refuses to put an earlier state of a credential over a later one: a stale copy would bring back a
 * refresh token that has been spent.
 *
 * @throws {CredentialError} `storage_write`
 */
export function refuseEarlier(key: string, next: JsonObject, stored: JsonObject): void {
  const behind = numberOf(next.generation) - numberOf(stored.generation);
  const isEarlier = behind < 0 || (behind === 0 && (
    (stored.status === "dead" && next.status === "active") ||
    (attemptOf(next) > 0 && attemptOf(next) < attemptOf(stored))
  ));
  if (isEarlier) {
    throw new CredentialError(
      "storage_write",
      `Cannot save ${key}: the stored one is newer (generation ${numberOf(stored.generation)})`,
      { retryable: true },
    );
  }
}

/**
 * Whether a whole spare file is what a crashed writer was about to put in place: the same
 * credentials, none of an older generation, at least one of a newer.
 */
export function isNewer(spare: StoreDocument, main: StoreDocument): boolean {
  const ours = generations(main), theirs = generations(spare);
  if (ours.size !== theirs.size) return false;
  let newer = false;
  for (const [key, generation] of theirs) {
    const stored = ours.get(key);
    if (stored === undefined || generation < stored) return false;
    newer ||= generation > stored;
  }
  return newer;
}

/** The bytes to write: pretty-printed JSON that ends in `digest`. */
export async function encodeDocument(
  document: StoreDocument,
  digest: Digest,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = printDocument(document);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(length + MAX_TAIL_BYTES);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  const name = await digestText(bytes.subarray(0, length), digest);
  const tail = encoder.encode(`,\n  "digest": "${name}"\n}\n`);
  bytes.set(tail, length);
  return bytes.subarray(0, length + tail.length);
}

const encoder = new TextEncoder();
/** More than a digest, its length and what is around them take. */
const MAX_TAIL_BYTES = 128;

/** As `JSON.stringify(document, null, 2)` prints it, without the end. */
function printDocument(document: StoreDocument): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  // Texts in a row are encoded at once.
  let text = "";
  let separator = "{";
  for (const [field, value] of Object.entries(document)) {
    if (value === undefined) continue;
    text += `${separator}\n  ${JSON.stringify(field)}: `;
    separator = ",";
    if (field !== "providers") {
      text += print(value, "  ");
      continue;
    }
    let inner = "{";
    for (const [provider, list] of Object.entries(document.providers)) {
      chunks.push(encoder.encode(`${text}${inner}\n    ${JSON.stringify(provider)}: [`));
      inner = ",";
      for (let i = 0; i < list.length; i++) {
        const credential = printCredential(list[i]!);
        chunks.push(i === 0 ? credential.subarray(1) : credential);
      }
      text = list.length === 0 ? "]" : "\n    ]";
    }
    text += inner === "{" ? "{}" : "\n  }";
  }
  chunks.push(encoder.encode(text));
  return chunks;
}

// Of thousands of credentials, a write changes one.
const printed = new WeakMap<JsonObject, Uint8Array>();

/** After a comma. */
function printCredential(credential: JsonObject): Uint8Array {
  let bytes = printed.get(credential);
  if (bytes === undefined) {
    bytes = encoder.encode(`,\n      ${print(credential, "      ")}`);
    printed.set(credential, bytes);
  }
  return bytes;
}

function print(value: unknown, indent: string): string {
  return JSON.stringify(value, null, 2).replaceAll("\n", `\n${indent}`);
}

// The shape of what `encodeDocument` appends: fixed but for the digits of the length.
const DIGEST_TAIL = /,\n {2}"digest": "(sha256-[0-9a-f]{64}-(\d{1,12}))"\n\}\n$/;

/** A spare file's document; `undefined` when it is torn, only reserved room, or not ours. */
export async function decodeSpare(
  bytes: Uint8Array,
  digest: Digest,
): Promise<StoreDocument | undefined> {
  const tail = DIGEST_TAIL.exec(new TextDecoder().decode(bytes.slice(-128)));
  if (tail === null) return undefined;
  const head = bytes.slice(0, Number(tail[2]));
  if (head.length + tail[0].length !== bytes.length) return undefined;
  if (await digestText(head, digest) !== tail[1]) return undefined;
  try {
    return parseDocument(bytes, "the spare file");
  } catch {
    return undefined;
  }
}

async function digestText(head: Uint8Array<ArrayBuffer>, digest: Digest): Promise<string> {
  return `sha256-${toHex(await digest(head))}-${head.length}`;
}

function credentialsOf(document: StoreDocument, provider: string): JsonObject[] {
  return Object.hasOwn(document.providers, provider) ? document.providers[provider]! : [];
}

function generations(document: StoreDocument): Map<string, number> {
  return new Map(
    Object.entries(document.providers).flatMap(([provider, list]) =>
      list.map((element): [string, number] => [
        credentialKey(provider, element.id as string),
        numberOf(element.generation),
      ])
    ),
  );
}

function isLive(record: unknown, now: number): record is { value: string } {
  return isJsonObject(record) && typeof record.value === "string" &&
    !(typeof record.expiresAt === "number" && record.expiresAt <= now);
}

function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function attemptOf(credential: JsonObject): number {
  return isJsonObject(credential.intent) ? numberOf(credential.intent.attempt) : 0;
}
