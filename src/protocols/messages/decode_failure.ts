/**
 * Failures of a Messages server: error bodies and error events, read from every shape they are seen
 * in, and judged.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import type { FailedAnswer, FailureFacts, UpstreamContext } from "../codec.ts";
import type { StreamError, StreamErrorCode } from "../event.ts";
import { optional, readNumber, readString } from "./fields.ts";

const TYPES: Readonly<Record<string, StreamErrorCode>> = {
  invalid_request_error: "invalid_request",
  authentication_error: "unauthorized",
  billing_error: "quota_exhausted",
  permission_error: "not_entitled",
  not_found_error: "not_found",
  request_too_large: "invalid_request",
  rate_limit_error: "rate_limited",
  api_error: "upstream",
  timeout_error: "timeout",
  overloaded_error: "overloaded",
};

const STATUSES: Readonly<Record<number, StreamErrorCode>> = {
  401: "unauthorized",
  402: "quota_exhausted",
  403: "not_entitled",
  404: "not_found",
  408: "timeout",
  429: "rate_limited",
  503: "overloaded",
  504: "timeout",
  529: "overloaded",
};

const CONTEXT_OVERFLOW =
  /prompt is too long|context (window|length)|maximum (context|prompt) length|too many (input )?tokens/i;

function text(value: unknown): string | undefined {
  const words = readString(value);
  return words === undefined ? undefined : displayText(words) || undefined;
}

/** Codes come as numbers or as strings. */
function code(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : text(value);
}

/**
 * What `body` says of a failure: `error` as an object or a string, or MiniMax's `base_resp` with a
 * status code other than 0; `undefined` when it reports none.
 */
export function readFailure(body: JsonObject): FailureFacts | undefined {
  const requestId = text(body["request_id"]);
  const error = body["error"];
  if (isJsonObject(error)) {
    const status = Number(error["http_code"]);
    return {
      ...optional("status", status >= 400 && status < 600 ? status : undefined),
      ...optional("type", text(error["type"])),
      ...optional("code", code(error["code"])),
      ...optional("message", text(error["message"])),
      ...optional("requestId", requestId),
    };
  }
  const envelope = body["base_resp"];
  if (isJsonObject(envelope)) {
    const status = readNumber(envelope["status_code"]);
    if (status !== undefined && status !== 0) {
      return {
        code: String(status),
        ...optional("message", text(envelope["status_msg"])),
        ...optional("requestId", requestId),
      };
    }
  }
  if (typeof error === "string" || body["type"] === "error") {
    return {
      ...optional("code", code(body["code"])),
      ...optional("message", text(error) ?? text(body["message"])),
      ...optional("requestId", requestId),
    };
  }
  return undefined;
}

/** The class of a failure: the vendor's word first, then the protocol's type, then the status. */
export function judgeFailure(facts: FailureFacts, context: UpstreamContext): StreamError {
  const { type, status } = facts;
  let verdict = context.classify?.(facts) ??
    (type !== undefined && Object.hasOwn(TYPES, type) ? TYPES[type]! : undefined) ??
    (status === undefined ? "upstream" : STATUSES[status]) ??
    (status! >= 400 && status! < 500 ? "invalid_request" : "upstream");
  // Nothing but the words tells an overlong prompt from any other bad request.
  if (verdict === "invalid_request" && CONTEXT_OVERFLOW.test(facts.message ?? "")) {
    verdict = "context_overflow";
  }
  return {
    code: verdict,
    message: facts.message ?? (status === undefined ? "no reason given" : `HTTP status ${status}`),
    ...optional("upstreamCode", facts.code ?? type),
    ...optional("status", status),
    ...optional("retryAfterMs", facts.retryAfterMs),
    ...optional("requestId", facts.requestId),
  };
}

/** Judges an answer whose status says failure. Without a JSON body the status alone decides. */
export function decodeMessagesFailure(answer: FailedAnswer, context: UpstreamContext): StreamError {
  const facts = answer.body === undefined ? undefined : readFailure(answer.body) ?? {
    ...optional("code", code(answer.body["code"])),
    ...optional("message", text(answer.body["message"])),
  };
  return judgeFailure({
    ...facts,
    status: answer.status,
    ...optional("retryAfterMs", answer.retryAfterMs),
    ...optional("requestId", facts?.requestId ?? answer.requestId),
  }, context);
}
