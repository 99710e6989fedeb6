/**
 * Failures of a Messages server: error bodies and error events, read from every shape they are seen
 * in, and judged.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { FailedAnswer, FailureFacts, UpstreamContext } from "../codec.ts";
import type { StreamError, StreamErrorCode } from "../event.ts";
import { judge, readCode, readWords } from "../failure.ts";
import { optional, readNumber } from "./fields.ts";

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

/**
 * What `body` says of a failure: `error` as an object or a string, or MiniMax's `base_resp` with a
 * status code other than 0; `undefined` when it reports none.
 */
export function readFailure(body: JsonObject): FailureFacts | undefined {
  const requestId = readWords(body["request_id"]);
  const error = body["error"];
  if (isJsonObject(error)) {
    const status = Number(error["http_code"]);
    return {
      ...optional("status", status >= 400 && status < 600 ? status : undefined),
      ...optional("type", readWords(error["type"])),
      ...optional("code", readCode(error["code"])),
      ...optional("message", readWords(error["message"])),
      ...optional("requestId", requestId),
    };
  }
  const envelope = body["base_resp"];
  if (isJsonObject(envelope)) {
    const status = readNumber(envelope["status_code"]);
    if (status !== undefined && status !== 0) {
      return {
        code: String(status),
        ...optional("message", readWords(envelope["status_msg"])),
        ...optional("requestId", requestId),
      };
    }
  }
  if (typeof error === "string" || body["type"] === "error") {
    return {
      ...optional("code", readCode(body["code"])),
      ...optional("message", readWords(error) ?? readWords(body["message"])),
      ...optional("requestId", requestId),
    };
  }
  return undefined;
}

/** The class of a failure: the vendor's word first, then the protocol's type, then the status. */
export function judgeFailure(facts: FailureFacts, context: UpstreamContext): StreamError {
  return judge(facts, context, TYPES);
}

/** Judges an answer whose status says failure. Without a JSON body the status alone decides. */
export function decodeMessagesFailure(answer: FailedAnswer, context: UpstreamContext): StreamError {
  const body: JsonObject | undefined = typeof answer.body === "string"
    ? { message: answer.body }
    : answer.body;
  const facts = body === undefined ? undefined : readFailure(body) ?? {
    ...optional("code", readCode(body["code"])),
    ...optional("message", readWords(body["message"])),
  };
  return judgeFailure({
    ...facts,
    status: answer.status,
    ...optional("retryAfterMs", answer.retryAfterMs),
    ...optional("requestId", facts?.requestId ?? answer.requestId),
  }, context);
}
