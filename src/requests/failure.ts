/**
 * A failed request: what is known of it, and the error that callers see.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { StreamError, StreamErrorCode } from "../protocols/event.ts";

/** The classes that may pass without anyone acting. */
const PASSING: readonly StreamErrorCode[] = [
  "rate_limited",
  "overloaded",
  "timeout",
  "upstream",
  "stream_interrupted",
];

/** The error for a failure that upstream reported or that we saw in its answer. */
export function streamErrorToTransportError(
  error: StreamError,
  details: { who?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
): TransportError {
  const from = details.who === undefined ? "" : ` from ${details.who}`;
  return new TransportError(error.code, `Cannot get an answer${from}: ${error.message}`, {
    retryable: PASSING.includes(error.code),
    retryAfterMs: error.retryAfterMs,
    status: error.status,
    requestId: error.requestId,
    hint: details.hint,
    cause: details.cause,
  });
}
