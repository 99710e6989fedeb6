/**
 * Token endpoint answers: the token set, and the expiry rule.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.1 | RFC 6749 5.1}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { type JsonObject, parseJsonObject } from "../core/http.ts";
import { conceal } from "../core/secret.ts";
import { decodeBase64Url } from "./pkce.ts";

/** A successful answer of a token endpoint. */
export interface TokenSet {
  /** The access token. Secret. */
  accessToken: string;
  /** Absent on a refresh: the old one stays valid (RFC 6749 6). Secret. */
  refreshToken?: string | undefined;
  /** As the server wrote it; `Bearer` when it wrote none. See {@linkcode isBearerType}. */
  tokenType: string;
  /** Space-separated scopes, when the server named them. */
  scope?: string | undefined;
  /** The expiry as the server wrote it. */
  expiryRaw?: string | number | null | undefined;
  /** When the access token expires, ms since the epoch; `undefined` when the answer does not say. */
  expiresAt?: number | undefined;
  /** Every other field of the answer, as it came. */
  extra: JsonObject;
}

/** The clocks at the moment an answer arrived. */
export interface AnswerClock {
  /** Our wall clock, ms since the epoch. */
  now: number;
  /** How far the server's clock is ahead of ours, ms; see {@linkcode serverClockOffset}. Default: 0. */
  offsetMs?: number | undefined;
}

/** From here on a number is an instant in seconds, below it a lifetime: 31 years, and 2001. */
const FIRST_INSTANT_S = 1e9;
/** From here on a number is an instant in milliseconds: 2001, and the year 33658 in seconds. */
const FIRST_INSTANT_MS = 1e12;
/** The last instant that a Date can hold. */
const LAST_INSTANT_MS = 8.64e15;
/** Below this a difference between two clocks is the age of the answer, not a wrong clock. */
const CLOCK_TOLERANCE_MS = 60_000;

/** RFC 6749 appendix A.12, less the space: what is outside of it could not stand in a header. */
const ACCESS_TOKEN = /^[\x21-\x7e]+$/;

/**
 * When `raw`, an expiry as a server wrote it, is: ms since the epoch. Never throws.
 *
 * RFC 6749's `expires_in` is a lifetime in seconds. MiniMax's `expired_in` is that, or an instant in
 * seconds or in milliseconds. The size tells them apart: below 1e9 a lifetime, below 1e12 seconds,
 * else milliseconds. Numeric strings count as numbers; anything that is no positive finite number,
 * or lies beyond what a Date can hold, is `undefined`.
 *
 * @param raw The field's value.
 * @param now Our wall clock, ms since the epoch.
 * @param offsetMs How far the server's clock is ahead of ours; instants are moved by it, lifetimes
 * are not.
 */
export function interpretExpiry(raw: unknown, now: number, offsetMs = 0): number | undefined {
  const value = parseNumber(raw);
  if (value === undefined || value <= 0) return undefined;
  const instant = value < FIRST_INSTANT_S
    ? now + value * 1000
    : (value < FIRST_INSTANT_MS ? value * 1000 : value) - offsetMs;
  return instant > LAST_INSTANT_MS ? undefined : Math.floor(instant);
}

/** A finite number, or a string of decimal digits that means one; `undefined` for anything else. */
export function parseNumber(raw: unknown): number | undefined {
  const value = typeof raw === "number"
    ? raw
    : typeof raw === "string" && /^\s*-?\d{1,20}(\.\d{1,20})?\s*$/.test(raw)
    ? Number(raw)
    : NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** An answer's expiry: the field as it came, and what it means. */
export interface Expiry {
  /** As the server wrote it; `undefined` without one. */
  raw: string | number | null | undefined;
  /** ms since the epoch; `undefined` when the field is absent or means nothing. */
  expiresAt: number | undefined;
}

/**
 * The expiry that an answer carries as `expires_in` or `expired_in`. Where it carries both, the first
 * one that means something counts.
 */
export function readExpiry(body: JsonObject, clock: AnswerClock): Expiry {
  const fields = [body["expires_in"], body["expired_in"]].filter((field): field is
    | string
    | number
    | null => field === null || typeof field === "string" || typeof field === "number"
  );
  for (const raw of fields) {
    const expiresAt = interpretExpiry(raw, clock.now, clock.offsetMs);
    if (expiresAt !== undefined) return { raw, expiresAt };
  }
  return { raw: fields[0], expiresAt: undefined };
}

/**
 * How far the clock of the server that sent `headers` is ahead of ours, ms, by its `Date`; 0 without
 * one, and within a minute, which is latency rather than a wrong clock.
 */
export function serverClockOffset(headers: Headers, now: number): number {
  const offsetMs = Date.parse(headers.get("date") ?? "") - now;
  return Math.abs(offsetMs) > CLOCK_TOLERANCE_MS ? offsetMs : 0;
}

/**
 * The claims of a JWT; `undefined` when the token is none. Its signature is not checked: they are a
 * hint, for display, and authorize nothing.
 */
export function readJwtClaims(token: string): JsonObject | undefined {
  const payload = token.split(".").length === 3 ? token.split(".")[1]! : undefined;
  if (payload === undefined) return undefined;
  try {
    return parseJsonObject(new TextDecoder().decode(decodeBase64Url(payload)));
  } catch {
    return undefined;
  }
}

/**
 * When a JWT says that it expires, ms since the epoch; `undefined` when the token is no JWT or does
 * not say. See {@linkcode readJwtClaims}: the token is opaque to a client.
 */
export function readJwtExpiry(token: string): number | undefined {
  const exp = readJwtClaims(token)?.["exp"];
  return typeof exp === "number" && exp > 0 && exp * 1000 <= LAST_INSTANT_MS
    ? Math.floor(exp * 1000)
    : undefined;
}

/** Whether a token of this type is sent as `Authorization: Bearer`; the case does not matter. */
export function isBearerType(tokenType: string): boolean {
  return tokenType.trim().toLowerCase() === "bearer";
}

const KNOWN_FIELDS: readonly string[] = [
  "access_token",
  "refresh_token",
  "token_type",
  "scope",
  "expires_in",
  "expired_in",
];

/**
 * Parses the JSON of a successful token answer. Where it names no expiry that can be understood, the
 * access token's own `exp` counts.
 *
 * Duplicate names: the last one counts, as with `JSON.parse`. An empty refresh token is none.
 *
 * @throws {OAuthError} `invalid_response` when there is no access token that a header could carry.
 */
export function parseTokenSet(body: JsonObject, clock: AnswerClock): TokenSet {
  const accessToken = body["access_token"];
  if (typeof accessToken !== "string" || !ACCESS_TOKEN.test(accessToken)) {
    throw new OAuthError("invalid_response", "Cannot read the token answer: no access token in it");
  }
  const { raw, expiresAt } = readExpiry(body, clock);
  const jwtExpiry = expiresAt === undefined ? readJwtExpiry(accessToken) : undefined;
  const tokenSet: TokenSet = {
    accessToken,
    refreshToken: nonEmptyString(body["refresh_token"]),
    tokenType: nonEmptyString(body["token_type"]) ?? "Bearer",
    scope: nonEmptyString(body["scope"]),
    expiryRaw: raw,
    expiresAt: jwtExpiry === undefined ? expiresAt : jwtExpiry - (clock.offsetMs ?? 0),
    // Entry by entry into a new object: a field named `__proto__` stays a field.
    extra: Object.fromEntries(
      Object.entries(body).filter(([name]) => !KNOWN_FIELDS.includes(name)),
    ),
  };
  // `extra` may hold an id token.
  return conceal(tokenSet, "accessToken", "refreshToken", "extra");
}

function nonEmptyString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
