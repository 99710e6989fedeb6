/**
 * Failures as answers to clients.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { AnswerError, ClientCodec } from "../protocols/codec.ts";
import type { Dialect } from "../protocols/event.ts";
import { loadClientCodec } from "./client_request.ts";

/** The answer to a client for a failure that is not upstream's, in the client's dialect. */
export async function encodeErrorResponse(
  dialect: Dialect,
  error: unknown,
  requestId?: string,
): Promise<Response> {
  return errorResponse(await loadClientCodec(dialect), error, requestId);
}

/** See {@linkcode encodeErrorResponse}. */
export function errorResponse(codec: ClientCodec, error: unknown, requestId?: string): Response {
  const { status, headers, body } = codec.encodeError(
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
