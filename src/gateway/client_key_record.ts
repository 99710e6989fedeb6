/**
 * A client key at rest: the form of its secret, the digest that is all that is kept of it, and the
 * record under that digest.
 *
 * One record per key, so that a store without mutual exclusion (Workers KV) has nothing to race for.
 *
 * @module
 */

import { toHex } from "../core/hex.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../core/http.ts";
import { encodeBase64Url } from "../core/base64url.ts";
import { displayText } from "../core/redact.ts";
import { sha256 } from "../core/sha256.ts";
import {
  type ClientKey,
  KEY_ROUTES,
  type KeyLimits,
  type KeyRoute,
  type KeyScope,
} from "./client_keys.ts";

const SECRET_BYTES = 32;
/** 32 bytes are 42 characters and 4 bits: the last character has two bits that must be 0. */
const SECRET = /^gw_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const RECORD_VERSION = 1;

/** The longest name. */
export const MAX_NAME_LENGTH = 64;
/** The longest provider or model in a scope. */
const MAX_SCOPE_TEXT = 200;
/** How many of each a scope may name. */
const MAX_SCOPE_ENTRIES = 100;

const encoder = new TextEncoder();

/** A new secret: `gw_` and 32 random bytes in base64url. */
export function newSecret(): string {
  return `gw_${encodeBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`;
}

/**
 * The digest of what a client presented; undefined for what cannot be a secret of ours, in any other
 * spelling, padding or case.
 *
 * Not Web Crypto: for one block its promise takes three times as long as the work itself.
 */
export function digestOf(presented: string): Uint8Array | undefined {
  return SECRET.test(presented) ? sha256(encoder.encode(presented)) : undefined;
}

/** What the store's keys of all records start with. */
export const RECORD_PREFIX = "client_key/";

/** The store's key of the record under `digest`. */
export function recordKey(digest: Uint8Array): string {
  return RECORD_PREFIX + toHex(digest);
}

/** The digest in {@linkcode recordKey}. */
export function digestInRecordKey(key: string): Uint8Array {
  const bytes = new Uint8Array(32);
  const digits = key.slice(RECORD_PREFIX.length);
  for (let i = 0; i < 32; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The id of the key with that digest: safe to log, and enough to tell keys apart. */
export function keyId(digest: Uint8Array): string {
  return `key_${toHex(digest.subarray(0, 6))}`;
}

/** Whether two digests are equal, in a time that does not depend on where they differ. */
export function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** A record's text. */
export function serializeClientKey(key: ClientKey): string {
  return JSON.stringify({ version: RECORD_VERSION, ...key });
}

/**
 * Reads a record; undefined for one that is not understood whole. A field that this version does not
 * know might be a restriction, so the key is refused rather than taken for an unrestricted one.
 */
export function parseClientKey(text: string): ClientKey | undefined {
  const record = parseJsonObject(text);
  if (record === undefined) return undefined;
  const { version, id, name, scope, createdAt, expiresAt, limits, ...rest } = record;
  if (version !== RECORD_VERSION || Object.keys(rest).length > 0) return undefined;
  if (typeof id !== "string" || !/^key_[0-9a-f]{12}$/.test(id)) return undefined;
  if (typeof name !== "string" || !isKeyName(name) || !isInstant(createdAt)) return undefined;
  if (expiresAt !== undefined && !isInstant(expiresAt)) return undefined;
  const parsedScope = parseScope(scope);
  const parsedLimits = limits === undefined ? {} : parseLimits(limits);
  if (parsedScope === undefined || parsedLimits === undefined) return undefined;
  return {
    id,
    name,
    scope: parsedScope,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(limits === undefined ? {} : { limits: parsedLimits }),
  };
}

/** Whether a key may be called that: one line that prints as it is, and is no id. */
export function isKeyName(name: string): boolean {
  return name !== "" && !name.startsWith("-") && !name.startsWith("key_") &&
    !name.startsWith("gw_") && displayText(name, MAX_NAME_LENGTH) === name;
}

/** A scope; undefined when it is none. */
export function parseScope(value: unknown): KeyScope | undefined {
  if (!isJsonObject(value)) return undefined;
  const { providers, models, routes, ...rest } = value;
  if (Object.keys(rest).length > 0) return undefined;
  if (![providers, models, routes].every((list) => list === undefined || isNameList(list))) {
    return undefined;
  }
  if ((routes as string[] | undefined)?.some((name) => !KEY_ROUTES.includes(name as KeyRoute))) {
    return undefined;
  }
  return {
    ...(providers === undefined ? {} : { providers: [...providers as string[]] }),
    ...(models === undefined ? {} : { models: [...models as string[]] }),
    ...(routes === undefined ? {} : { routes: [...routes as KeyRoute[]] }),
  };
}

/** Limits; undefined when they are none. */
export function parseLimits(value: unknown): KeyLimits | undefined {
  if (!isJsonObject(value)) return undefined;
  const { requestsPerMinute, concurrent, ...rest } = value as JsonObject;
  if (Object.keys(rest).length > 0) return undefined;
  const isLimit = (limit: unknown) =>
    limit === undefined || (Number.isSafeInteger(limit) && limit as number > 0);
  if (!isLimit(requestsPerMinute) || !isLimit(concurrent)) return undefined;
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: requestsPerMinute as number }),
    ...(concurrent === undefined ? {} : { concurrent: concurrent as number }),
  };
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MAX_SCOPE_ENTRIES &&
    value.every((name) =>
      typeof name === "string" && name !== "" && displayText(name, MAX_SCOPE_TEXT) === name
    );
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
