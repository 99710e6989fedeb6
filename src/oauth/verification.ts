/**
 * What the answers to "give me a code" share, device code and user code alike: the code, the page to
 * approve it on, and the time there is.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError, readAnswerError } from "./answer_error.ts";
import type { OAuthClient } from "./client.ts";
import { type FormRequest, postForm } from "./request.ts";
import { type AnswerClock, parseNumber, readExpiry } from "./token_set.ts";

/** A code to approve, as the user needs it. Nothing here is secret. */
export interface Verification {
  /** What the user compares or types in: letters, digits, `-`, `_` and `.` only. */
  userCode: string;
  /** The page to approve it on: an http(s) URL in ASCII. */
  verificationUri: string;
  /** The same page with the code filled in. */
  verificationUriComplete?: string | undefined;
  /** When the code runs out, ms since the epoch. */
  expiresAt: number;
  /** The least time between two polls, ms. */
  intervalMs: number;
}

/** Where the server names no lifetime that can be understood. */
const DEFAULT_LIFETIME_MS = 5 * 60_000;
/** However long the server would let us poll. */
const MAX_LIFETIME_MS = 30 * 60_000;
const MIN_INTERVAL_MS = 1_000;
/** The longest wait between two polls, whoever asks for it. */
export const MAX_INTERVAL_MS = 60_000;

/** Strict, because it is printed and copied: no control, space, quote or look-alike character. */
const USER_CODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_URI_LENGTH = 2048;

/** How an endpoint writes its interval. */
export interface IntervalUnit {
  /** What 1 means, ms. */
  unitMs: number;
  /** Where the server names none, or none that makes sense, ms. */
  defaultMs: number;
}

/**
 * Parses the shared fields.
 *
 * @param action Start of the message: `Cannot request a code from MiniMax OAuth`.
 * @throws {OAuthError} `invalid_response`; the message names the field, not its value.
 */
export function parseVerification(
  body: JsonObject,
  clock: AnswerClock,
  unit: IntervalUnit,
  action: string,
): Verification {
  const { user_code: userCode, verification_uri: uri } = body;
  if (typeof userCode !== "string" || !USER_CODE.test(userCode)) {
    throw new OAuthError("invalid_response", `${action}: the answer has no proper user_code`);
  }
  const verificationUri = parseUri(uri);
  if (verificationUri === undefined) {
    throw new OAuthError(
      "invalid_response",
      `${action}: the answer has no proper verification_uri`,
    );
  }
  const intervalMs = (parseNumber(body["interval"]) ?? 0) * unit.unitMs;
  const expiresAt = readExpiry(body, clock).expiresAt ?? clock.now + DEFAULT_LIFETIME_MS;
  return {
    userCode,
    verificationUri,
    verificationUriComplete: parseUri(body["verification_uri_complete"]),
    expiresAt: Math.min(expiresAt, clock.now + MAX_LIFETIME_MS),
    intervalMs: intervalMs > 0
      ? Math.min(Math.max(intervalMs, MIN_INTERVAL_MS), MAX_INTERVAL_MS)
      : unit.defaultMs,
  };
}

/** An http(s) URL, written anew so that only ASCII is left; `undefined` for anything else. */
function parseUri(value: unknown): string | undefined {
  if (typeof value !== "string" || !URL.canParse(value)) return undefined;
  const { protocol, href } = new URL(value);
  const isWeb = protocol === "https:" || protocol === "http:";
  return isWeb && href.length <= MAX_URI_LENGTH ? href : undefined;
}

/** A good answer to a request for a code. */
export interface AuthorizationAnswer {
  /** Its JSON. */
  body: JsonObject;
  /** Clocks at the moment it arrived. */
  clock: AnswerClock;
  /** How messages about it start. */
  action: string;
}

const AUTHORIZATION_TIMEOUT_MS = 15_000;

/**
 * Posts a request for a device code or user code, and refuses what is no success.
 *
 * @throws {OAuthError} What the server said, or `network`, `timeout`, `invalid_response`.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function requestAuthorization(
  client: OAuthClient,
  url: URL,
  fields: FormRequest["fields"],
  options: RuntimeOptions,
): Promise<AuthorizationAnswer> {
  const request: FormRequest = {
    action: `Cannot request a sign-in code from ${client.name ?? url.host}`,
    url,
    fields,
    trustedHosts: client.trustedHosts,
    timeoutMs: AUTHORIZATION_TIMEOUT_MS,
    // For the vendor's support; servers that do not know it ignore it.
    headers: { "x-request-id": crypto.randomUUID() },
  };
  const outcome = await postForm(request, options);
  if (outcome.kind !== "answer") {
    options.signal?.throwIfAborted();
    throw outcome.error;
  }
  const { answer } = outcome;
  const { mark, said } = readAnswerError(client, answer.body);
  const isSuccess = answer.status >= 200 && answer.status <= 299;
  if (
    !isSuccess || answer.body === undefined || mark === "error" || said.code !== undefined
  ) {
    throw createAnswerError(request, answer, said);
  }
  return { body: answer.body, clock: answer.clock, action: request.action };
}
