/**
 * What an answer of an authorization server says went wrong, as an error.
 *
 * Of a body only `error` and `error_description` are quoted, or the vendor's words for them; anything
 * else may echo a secret.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.2 | RFC 6749 5.2}
 * @module
 */

import { type ErrorCode, OAuthError } from "../core/errors.ts";
import { type JsonObject, parseRetryAfter } from "../core/http.ts";
import { displayText, maskSecrets } from "../core/redact.ts";
import type { OAuthClient, TokenAnswer } from "./client.ts";
import type { FormAnswer, FormRequest } from "./request.ts";

/** What an answer says went wrong; empty when it says nothing of the kind. */
export interface AnswerError {
  /** RFC 6749 5.2 `error`, or the vendor's code. */
  code?: string | undefined;
  /** `error_description`, or the vendor's text. */
  description?: string | undefined;
}

/**
 * Reads the vendor's mark and the error of an answer. The vendor's code goes before the RFC's. A
 * nested error object is another protocol's, and so no code.
 */
export function readAnswerError(
  { readTokenAnswer }: OAuthClient,
  body: JsonObject | undefined,
): { mark: TokenAnswer["kind"]; said: AnswerError } {
  if (body === undefined) return { mark: "unmarked", said: {} };
  const mark = readTokenAnswer?.(body) ?? { kind: "unmarked" };
  const { error, description } = mark.kind === "error" ? mark : {};
  return {
    mark: mark.kind,
    said: {
      code: error || nonEmptyString(body["error"]),
      description: description || nonEmptyString(body["error_description"]),
    },
  };
}

function nonEmptyString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Codes of an authorization server that callers can switch on; any other is `oauth_error`. */
const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  access_denied: "access_denied",
  authorization_denied: "access_denied",
  expired_token: "expired_token",
  invalid_client: "invalid_client",
  invalid_grant: "invalid_grant",
  invalid_request: "invalid_request",
};

/** Our code for one of an authorization server's, where there is one. */
export function knownErrorCode(code: string | undefined): ErrorCode | undefined {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code] : undefined;
}

/**
 * An answer as the error to throw or to report.
 *
 * @param state What is wrong with an answer that names no error: `without an access token`.
 */
export function createAnswerError(
  request: FormRequest,
  answer: FormAnswer,
  { code, description }: AnswerError,
  state = "without an error code",
): OAuthError {
  const { status, headers, clock } = answer;
  const known = knownErrorCode(code);
  const isTransient = status === 408 || status === 429 || status >= 500;
  const errorCode = status === 429
    ? "rate_limited"
    : status >= 500
    ? "upstream"
    : known ?? (code === undefined ? "invalid_response" : "oauth_error");
  const said = [
    code === undefined ? "" : ` ${quote(code, request, 60)}`,
    description === undefined || description === code ? "" : ` (${quote(description, request)})`,
  ].join("");
  const without = answer.body === undefined || said !== "" ? "" : ` ${state}`;
  return new OAuthError(errorCode, `${request.action}: ${answer.description}${said}${without}`, {
    status,
    retryable: isTransient,
    retryAfterMs: parseRetryAfter(headers, clock.now),
    requestId: requestId(request, headers),
  });
}

/** RFC 6749 5.2: these speak of the request, whatever the status. */
const REQUEST_ERRORS: readonly string[] = [
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
];

/**
 * The error of an answer that refuses the account or its plan; `undefined` where it does not. Such an
 * answer says nothing of the code or token that was sent.
 */
export function createEntitlementError(
  { entitlement }: OAuthClient,
  request: FormRequest,
  answer: FormAnswer,
  said: AnswerError,
): OAuthError | undefined {
  const { status, headers, body } = answer;
  const isRefusal = entitlement?.status === status && body !== undefined &&
    !headers.has("cf-mitigated") && !REQUEST_ERRORS.includes(said.code ?? "");
  if (!isRefusal) return undefined;
  const { message, requestId } = createAnswerError(request, answer, said);
  return new OAuthError("not_entitled", message, { status, requestId, hint: entitlement.hint });
}

function requestId(request: FormRequest, headers: Headers): string | undefined {
  const id = headers.get("x-request-id");
  return id === null ? undefined : quote(id, request, 100);
}

/** Form fields whose values must never be printed. */
const SECRET_FIELDS = ["refresh_token", "device_code", "code_verifier", "code", "token"];

/** A server's text, without our secrets: servers may echo the token that they refuse. */
function quote(text: string, request: FormRequest, maxLength = 200): string {
  const secrets = SECRET_FIELDS.map((name) => request.fields[name] ?? "");
  return displayText(maskSecrets(text.slice(0, maxLength * 4), secrets), maxLength);
}
