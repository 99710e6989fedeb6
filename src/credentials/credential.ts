/**
 * The stored credential: its shape, its schema and the key it is stored under.
 *
 * Unknown fields of a stored record survive every write: {@linkcode serializeCredential} puts the
 * known ones over what was there.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../core/http.ts";

/** The secrets of one login or of one API key. */
export interface CredentialTokens {
  /** Bearer for the API: an access token, or the API key itself. */
  accessToken: string;
  /** Single-use; absent for API keys and for grants without refresh. */
  refreshToken?: string | undefined;
  /** As the server named it, usually `Bearer`. */
  tokenType?: string | undefined;
  /** Space-separated scopes, when the server named them. */
  scope?: string | undefined;
  /** The expiry as the server wrote it, before any interpretation. */
  expiryRaw?: string | number | null | undefined;
}

/**
 * A refresh that was about to be sent, written before its first byte leaves. While it is stored and
 * no living process holds the lease, the outcome of that refresh is unknown.
 */
export interface RefreshIntent {
  /** Generation whose refresh token is being spent. */
  generation: number;
  /** 1 for the first presentation of that token, one more for each probe. */
  attempt: number;
  /** When it was written, ms since the epoch. Never trusted for waiting. */
  sentAt: number;
  /** When each presentation of the last ten minutes was, ms since the epoch; bounds the rate. */
  recentAt: number[];
  /** Why the outcome is unknown, where the sender lived to see it. */
  reason?: string | undefined;
  /** Not before this instant may the next probe be sent, ms since the epoch. */
  retryAt?: number | undefined;
}

/** The last failure, kept for `auth status` and `doctor`. Holds no secret. */
export interface LastError {
  /** The stable code. */
  code: string;
  /** What happened, for a person. */
  message: string;
  /** When, ms since the epoch. */
  at: number;
  /** Not before this instant is the same tried again, ms since the epoch. */
  retryAt?: number | undefined;
}

/** Where a credential was made, to notice a copy of the store. */
export interface CredentialOwner {
  /** Random id of the home folder that made it, or of the Worker. */
  host: string;
  /** When, ms since the epoch. */
  createdAt: number;
}

/** One login or API key. */
export interface Credential {
  /** Unique within its provider: 8 characters of `[a-z0-9]`. */
  id: string;
  /** Provider id. */
  provider: string;
  /** Region of the provider; chosen at login, used for refresh and inference alike. */
  region: string;
  /** What the user calls it. */
  label: string;
  /** How it came here. */
  source: "login" | "api_key";
  /** `dead`: the authorization server has definitively rejected it, and its tokens are dropped. */
  status: "active" | "dead";
  /** Null once dead. */
  tokens: CredentialTokens | null;
  /** When the access token expires, ms since the epoch; null for an API key. */
  expiresAt: number | null;
  /** When the access token was issued, ms since the epoch; with `expiresAt` its lifetime. */
  issuedAt: number;
  /** Grows by one with each rotation; never decreases. */
  generation: number;
  /** A refresh whose outcome is not known. */
  intent?: RefreshIntent | undefined;
  /** Client id the grant was minted with. */
  clientId?: string | undefined;
  /** Name of the endpoints profile the grant was minted with. */
  endpointsProfile?: string | undefined;
  /** Name of the provider's upstream that the login was made for; the default one without. */
  upstream?: string | undefined;
  /** API base that the server chose for this grant, as it wrote it; checked on every use. */
  resourceUrl?: string | undefined;
  /** Whose login it is: an id to compare, and a name for people. */
  account?: { id: string; label: string } | undefined;
  /** Where it was made. */
  owner: CredentialOwner;
  /** When it was made, ms since the epoch. */
  createdAt: number;
  /** When it was last refreshed, ms since the epoch. */
  refreshedAt?: number | undefined;
  /** The last failure since the last success. */
  lastError?: LastError | undefined;
}

// Plain predicates instead of zod: this is the one schema that every command loads, and the library
// would take a quarter of the time to a chat's first request.
type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isOneOf = (...values: unknown[]): Check => (value) => values.includes(value);
const matches = (pattern: RegExp): Check => (value) =>
  isText(value) && pattern.test(value as string);
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const nullable = (check: Check): Check => (value) => value === null || check(value);
const hasFields = (checks: Record<string, Check>): Check => {
  const fields = Object.entries(checks);
  return (value) => isJsonObject(value) && fields.every(([name, check]) => check(value[name]));
};

const FIELDS: { readonly [Field in keyof Required<Credential>]: Check } = {
  id: matches(/^[A-Za-z0-9_-]{1,64}$/),
  provider: matches(/^[a-z0-9-]{1,64}$/),
  region: isText,
  label: isText,
  source: isOneOf("login", "api_key"),
  status: isOneOf("active", "dead"),
  tokens: nullable(hasFields({
    accessToken: matches(/./),
    refreshToken: optional(isText),
    tokenType: optional(isText),
    scope: optional(isText),
    expiryRaw: optional(nullable((value) => isText(value) || typeof value === "number")),
  })),
  expiresAt: nullable(isNumber),
  issuedAt: isNumber,
  generation: isCount,
  intent: optional(hasFields({
    generation: isCount,
    attempt: isCount,
    sentAt: isNumber,
    recentAt: (value) => Array.isArray(value) && value.every(isNumber),
    reason: optional(isText),
    retryAt: optional(isNumber),
  })),
  clientId: optional(isText),
  endpointsProfile: optional(isText),
  upstream: optional(isText),
  resourceUrl: optional(isText),
  account: optional(hasFields({ id: isText, label: isText })),
  owner: hasFields({ host: isText, createdAt: isNumber }),
  createdAt: isNumber,
  refreshedAt: optional(isNumber),
  lastError: optional(
    hasFields({ code: isText, message: isText, at: isNumber, retryAt: optional(isNumber) }),
  ),
};

const CHECKS = Object.entries(FIELDS);

/** The key a credential is stored under: `credential/<provider>/<id>`. */
export function credentialKey(provider: string, id: string): string {
  return `credential/${provider}/${id}`;
}

/** What {@linkcode credentialKey} was made of; `undefined` for any other key. */
export function parseCredentialKey(key: string): { provider: string; id: string } | undefined {
  const match = /^credential\/([a-z0-9-]{1,64})\/([A-Za-z0-9_-]{1,64})$/.exec(key);
  return match ? { provider: match[1]!, id: match[2]! } : undefined;
}

/**
 * Parses a stored credential.
 *
 * @throws {CredentialError} `storage_corrupt` when it is not one; the message names the field, never
 * its value.
 */
export function parseCredential(text: string, key: string): Credential {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CredentialError("storage_corrupt", `Cannot read ${key}: it is not JSON`);
  }
  if (!isJsonObject(value)) {
    throw new CredentialError("storage_corrupt", `Cannot read ${key}: it is not an object`);
  }
  const named = parseCredentialKey(key);
  const wrong = CHECKS.find(([name, check]) =>
    !check(value[name]) ||
    (named !== undefined && (name === "id" || name === "provider") && value[name] !== named[name])
  );
  if (wrong !== undefined) {
    throw new CredentialError(
      "storage_corrupt",
      `Cannot read ${key}: field "${wrong[0]}" is not what it should be`,
    );
  }
  return value as unknown as Credential;
}

/** The text to store: the known fields over whatever else `previous` held. */
export function serializeCredential(credential: Credential, previous?: string | null): string {
  let unknown: JsonObject = {};
  if (previous) {
    try {
      const value: unknown = JSON.parse(previous);
      if (isJsonObject(value)) {
        unknown = Object.fromEntries(
          Object.entries(value).filter(([name]) => !Object.hasOwn(FIELDS, name)),
        );
      }
    } catch { /* a corrupt record has no fields to keep */ }
  }
  return JSON.stringify({ ...credential, ...unknown });
}
