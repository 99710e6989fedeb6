/**
 * Failures as answers to clients.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { encodeOpenAiError } from "../protocols/answer_error.ts";
import type { AnswerError, ClientCodec } from "../protocols/codec.ts";
import type { Dialect } from "../protocols/event.ts";
import { encodeMessagesError } from "../protocols/messages/encode_error.ts";

/**
 * Writes a failure for clients of a dialect. Not by way of their codecs: for many a request it is all
 * that is needed.
 */
export const ERROR_ENCODERS: Readonly<Record<Dialect, ClientCodec["encodeError"]>> = {
  messages: encodeMessagesError,
  responses: encodeOpenAiError,
  chat: encodeOpenAiError,
};

/** The answer to a client for a failure that is not upstream's, in the client's dialect. */
export function encodeErrorResponse(
  dialect: Dialect,
  error: unknown,
  requestId?: string,
): Response {
  const { status, headers, body } = ERROR_ENCODERS[dialect](
    toAnswerError(error, requestId),
    // The one status that no code stands for.
    error instanceof GrantwayError && error.status === 413 ? 413 : undefined,
  );
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}

function toAnswerError(error: unknown, requestId: string | undefined): AnswerError {
  if (!(error instanceof GrantwayError)) {
    // A mistake of ours: its words are for us.
    return { code: "invalid_configuration", message: "Internal error", requestId };
  }
  const { code, message, hint, retryAfterMs } = error;
  return {
    code,
    message: hint === undefined ? message : `${message}. ${hint}`,
    retryAfterMs,
    requestId: requestId ?? error.requestId,
  };
}
