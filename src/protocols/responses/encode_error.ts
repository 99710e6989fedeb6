/**
 * Failures in the midst of an answer, as Responses clients tell them apart.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { type ErrorClass, errorClass } from "../answer_error.ts";
import type { AnswerError } from "../codec.ts";

/**
 * The codes that Codex knows. It repeats a request after any other one, and shows the words of
 * `invalid_prompt`, after which nothing is repeated.
 */
const CODES = {
  bad_request: "invalid_prompt",
  context_overflow: "context_length_exceeded",
  content_filter: "invalid_prompt",
  auth: "invalid_api_key",
  permission: "permission_denied",
  quota: "insufficient_quota",
  not_found: "model_not_found",
  too_large: "invalid_prompt",
  rate: "rate_limit_exceeded",
  overload: "server_is_overloaded",
  timeout: "server_error",
  upstream: "server_error",
  internal: "server_error",
} as const satisfies Record<ErrorClass, string>;

/** The `error` of a failed response. Clients read from its words how long to wait. */
export function encodeResponseError({ code, message, retryAfterMs }: AnswerError): JsonObject {
  const kind = errorClass(code);
  const wait = kind === "rate" && retryAfterMs !== undefined && !/try again in/i.test(message)
    ? `. Please try again in ${Math.ceil(retryAfterMs) / 1000}s.`
    : "";
  return { code: CODES[kind], message: message + wait };
}
