/**
 * A failed answer for a Messages client.
 *
 * @see {@link https://docs.anthropic.com/en/api/errors | Messages API, errors}
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { type ErrorClass, errorClass, retryHeaders } from "../answer_error.ts";
import type { AnswerError, EncodedError } from "../codec.ts";
import { optional } from "./fields.ts";

const ERRORS = {
  bad_request: { status: 400, type: "invalid_request_error" },
  context_overflow: { status: 400, type: "invalid_request_error" },
  content_filter: { status: 400, type: "invalid_request_error" },
  auth: { status: 401, type: "authentication_error" },
  permission: { status: 403, type: "permission_error" },
  quota: { status: 402, type: "billing_error" },
  not_found: { status: 404, type: "not_found_error" },
  too_large: { status: 413, type: "request_too_large" },
  rate: { status: 429, type: "rate_limit_error" },
  overload: { status: 529, type: "overloaded_error" },
  timeout: { status: 504, type: "timeout_error" },
  upstream: { status: 500, type: "api_error" },
  internal: { status: 500, type: "api_error" },
} as const satisfies Record<ErrorClass, { status: number; type: string }>;

/** By these words clients know that they must make the conversation shorter. */
const OVERFLOW = "prompt is too long";

/** The body of a failed answer, and the payload of an `error` event. */
export function encodeMessagesErrorBody(error: AnswerError, status?: number): JsonObject {
  const kind = errorClass(error.code, status);
  const message = kind === "context_overflow" && !error.message.includes(OVERFLOW)
    ? `${OVERFLOW}: ${error.message}`
    : error.message;
  return {
    type: "error",
    error: { type: ERRORS[kind].type, message },
    ...optional("request_id", error.requestId),
  };
}

/** A failure before the first byte. */
export function encodeMessagesError(error: AnswerError, status?: number): EncodedError {
  return {
    status: status ?? ERRORS[errorClass(error.code)].status,
    headers: { ...retryHeaders(error), ...optional("request-id", error.requestId) },
    body: encodeMessagesErrorBody(error, status),
  };
}
