/**
 * Classes of failure, as clients tell them apart, and the error bodies of OpenAI's two dialects.
 *
 * @module
 */

import type { ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import type { AnswerError, EncodedError } from "./codec.ts";

/** What a client can do about a failure. */
export type ErrorClass =
  | "bad_request"
  | "context_overflow"
  | "content_filter"
  | "auth"
  | "permission"
  | "quota"
  | "not_found"
  | "too_large"
  | "rate"
  | "overload"
  | "timeout"
  | "upstream"
  | "internal";

const CLASSES = {
  invalid_request: "bad_request",
  unsupported: "bad_request",
  context_overflow: "context_overflow",
  content_filter: "content_filter",
  login_required: "auth",
  expired_token: "auth",
  invalid_grant: "auth",
  unauthorized: "auth",
  access_denied: "permission",
  not_entitled: "permission",
  quota_exhausted: "quota",
  not_found: "not_found",
  rate_limited: "rate",
  overloaded: "overload",
  // A bearer is on its way: not the client's key that is wrong, and soon over.
  refresh_uncertain: "overload",
  lease_timeout: "overload",
  timeout: "timeout",
  network: "upstream",
  upstream: "upstream",
  invalid_response: "upstream",
  stream_interrupted: "upstream",
  state_mismatch: "internal",
  invalid_client: "internal",
  oauth_error: "internal",
  no_mutual_exclusion: "internal",
  storage_read: "internal",
  storage_write: "internal",
  storage_corrupt: "internal",
  invalid_configuration: "internal",
} as const satisfies Record<ErrorCode, ErrorClass>;

/** The class of a failure. No code says that a body was too large; its status does. */
export function errorClass(code: ErrorCode, status?: number): ErrorClass {
  return status === 413 ? "too_large" : CLASSES[code];
}

/** What a client is told to wait, for its retries. */
export function retryHeaders({ retryAfterMs }: AnswerError): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  return {
    "retry-after": String(Math.ceil(retryAfterMs / 1000)),
    "retry-after-ms": String(Math.ceil(retryAfterMs)),
  };
}

const OPENAI = {
  bad_request: { status: 400, type: "invalid_request_error", code: "invalid_request" },
  context_overflow: { status: 400, type: "invalid_request_error", code: "context_length_exceeded" },
  content_filter: { status: 400, type: "invalid_request_error", code: "content_filter" },
  auth: { status: 401, type: "authentication_error", code: "invalid_api_key" },
  permission: { status: 403, type: "permission_error", code: "permission_denied" },
  quota: { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  not_found: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  too_large: { status: 413, type: "invalid_request_error", code: "request_too_large" },
  rate: { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  overload: { status: 503, type: "server_error", code: "server_is_overloaded" },
  timeout: { status: 504, type: "server_error", code: "timeout" },
  upstream: { status: 502, type: "server_error", code: "server_error" },
  internal: { status: 500, type: "server_error", code: "server_error" },
} as const satisfies Record<ErrorClass, { status: number; type: string; code: string }>;

/** The `error` object of OpenAI's dialects. */
export function encodeOpenAiErrorObject(error: AnswerError, status?: number): JsonObject {
  const { type, code } = OPENAI[errorClass(error.code, status)];
  return { message: error.message, type, param: null, code };
}

/** A failed answer in OpenAI's dialects. */
export function encodeOpenAiError(error: AnswerError, status?: number): EncodedError {
  return {
    status: status ?? OPENAI[errorClass(error.code)].status,
    headers: {
      ...retryHeaders(error),
      ...(error.requestId === undefined ? {} : { "x-request-id": error.requestId }),
    },
    body: { error: encodeOpenAiErrorObject(error, status) },
  };
}
