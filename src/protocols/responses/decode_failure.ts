/**
 * Failures of a Responses server: error bodies, error events and failed responses, read from every
 * shape they are seen in, and judged.
 *
 * Seen are `{ error: { type, code, message } }`, the same one level deeper, `{ code, error: "…" }`
 * (xAI), `{ error: "…" }`, a bare string, and `{ type: "error", code, message }` in streams.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { FailedAnswer, FailureFacts, UpstreamContext } from "../codec.ts";
import type { StreamError, StreamErrorCode } from "../event.ts";
import { judge, readCode, readWords } from "../failure.ts";
import { optional, readString } from "./fields.ts";

/** Types and codes of the protocol. */
const WORDS: Readonly<Record<string, StreamErrorCode>> = {
  context_length_exceeded: "context_overflow",
  insufficient_quota: "quota_exhausted",
  billing_error: "quota_exhausted",
  usage_not_included: "not_entitled",
  permission_error: "not_entitled",
  invalid_api_key: "unauthorized",
  authentication_error: "unauthorized",
  model_not_found: "not_found",
  not_found_error: "not_found",
  rate_limit_exceeded: "rate_limited",
  rate_limit_error: "rate_limited",
  server_is_overloaded: "overloaded",
  slow_down: "overloaded",
  server_error: "upstream",
  content_filter: "content_filter",
  content_policy_violation: "content_filter",
  invalid_prompt: "invalid_request",
  invalid_request_error: "invalid_request",
};

/** xAI puts a machine-readable mark into its words: `[WKE=unauthenticated:bad-credentials]`. */
const TAG = /\s*\[WKE=([^\]\s]+)\]/g;

/** What `body` says of a failure; `undefined` when it reports none. */
export function readFailure(body: JsonObject): FailureFacts | undefined {
  const inner = body["body"];
  if (isJsonObject(inner) && inner["error"] != null) return readFailure(inner);
  const error = body["error"];
  const requestId = readWords(body["request_id"]);
  if (isJsonObject(error)) {
    return {
      ...optional("type", readWords(error["type"])),
      ...optional("code", readCode(error["code"])),
      ...readMessage(error["message"]),
      ...optional("requestId", requestId),
    };
  }
  if (typeof error === "string" || body["type"] === "error") {
    const code = readCode(body["code"]);
    return {
      ...optional("code", code),
      // A code may be a sentence, and then says something where nothing else does.
      ...optional("message", code),
      ...readMessage(readString(error) || body["message"]),
      ...optional("requestId", requestId),
    };
  }
  return undefined;
}

/** The words without their mark, and the mark. Cut marks at the end of long words are looked for first. */
function readMessage(value: unknown): Pick<FailureFacts, "message" | "tag"> {
  const words = readString(value) ?? "";
  const tag = [...words.matchAll(TAG)].at(-1)?.[1];
  return {
    ...optional("message", readWords(words.replace(TAG, ""))),
    ...optional("tag", readWords(tag)),
  };
}

/** The class of a failure: the vendor's word first, then the protocol's code, then the status. */
export function judgeFailure(facts: FailureFacts, context: UpstreamContext): StreamError {
  return judge(facts, context, WORDS);
}

/** Judges an answer whose status says failure. Without a JSON body the status alone decides. */
export function decodeResponsesFailure(
  answer: FailedAnswer,
  context: UpstreamContext,
): StreamError {
  const body: JsonObject | undefined = typeof answer.body === "string"
    ? { error: answer.body }
    : answer.body;
  const facts = body === undefined ? undefined : readFailure(body) ?? {
    ...optional("code", readCode(body["code"])),
    ...readMessage(body["message"] ?? body["detail"]),
  };
  return judgeFailure({
    ...facts,
    status: answer.status,
    ...optional("retryAfterMs", answer.retryAfterMs),
    ...optional("requestId", facts?.requestId ?? answer.requestId),
  }, context);
}
