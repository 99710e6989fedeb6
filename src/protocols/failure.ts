/**
 * Judging what an upstream said when it failed: what the dialects share.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { FailureFacts, UpstreamContext } from "./codec.ts";
import type { StreamError, StreamErrorCode } from "./event.ts";
import { optional, readString } from "./fields.ts";

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

/** Words of a server's, safe to print; `undefined` for none. */
export function readWords(value: unknown): string | undefined {
  const words = readString(value);
  return words === undefined ? undefined : displayText(words) || undefined;
}

/** A code of a server's: codes come as numbers or as strings. */
export function readCode(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : readWords(value);
}

/**
 * The class of a failure: the vendor's word first, then the protocol's own, as `words` maps types
 * and codes to classes, then the status.
 */
export function judge(
  facts: FailureFacts,
  context: UpstreamContext,
  words: Readonly<Record<string, StreamErrorCode>>,
): StreamError {
  const { status } = facts;
  const vendor = context.classify?.(facts);
  const { code: verdict, retryAfterMs } = typeof vendor === "object" ? vendor : { code: vendor };
  let code = verdict ?? lookUp(words, facts.code) ?? lookUp(words, facts.type) ??
    (status === undefined ? "upstream" : STATUSES[status]) ??
    (status! >= 400 && status! < 500 ? "invalid_request" : "upstream");
  // Nothing but the words tells an overlong prompt from any other bad request.
  if (code === "invalid_request" && CONTEXT_OVERFLOW.test(facts.message ?? "")) {
    code = "context_overflow";
  }
  return {
    code,
    message: facts.message ?? (status === undefined ? "no reason given" : `HTTP status ${status}`),
    ...optional("upstreamCode", facts.tag ?? facts.code ?? facts.type),
    ...optional("status", status),
    ...optional("retryAfterMs", facts.retryAfterMs ?? retryAfterMs),
    ...optional("requestId", facts.requestId),
  };
}

function lookUp(
  words: Readonly<Record<string, StreamErrorCode>>,
  word: string | undefined,
): StreamErrorCode | undefined {
  return word !== undefined && Object.hasOwn(words, word) ? words[word] : undefined;
}
