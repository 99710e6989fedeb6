/**
 * What the gateway itself answers instead of a provider, in the dialect of whoever asked.
 *
 * @module
 */

import { type ErrorCode, type ErrorDetails, GrantwayError } from "../core/errors.ts";
import type { Dialect } from "../protocols/event.ts";
import { encodeErrorResponse, ERROR_ENCODERS } from "../transports/client_error.ts";

/** Details of a {@linkcode Refusal}. */
export interface RefusalDetails extends ErrorDetails {
  /** Headers besides those of its dialect. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** The gateway says no, by a status of its own choice. */
export class Refusal extends GrantwayError {
  /** The class name. */
  override name = "Refusal";
  /** HTTP status of the answer. */
  readonly httpStatus: number;
  /** Headers besides those of its dialect. */
  readonly headers: Readonly<Record<string, string>>;

  /** Creates one. */
  constructor(httpStatus: number, code: ErrorCode, message: string, details: RefusalDetails = {}) {
    super(code, message, details);
    this.httpStatus = httpStatus;
    this.headers = details.headers ?? {};
  }
}

/** For clients that repeat a request by themselves: here it would lead to the same. */
export const NO_RETRY: Readonly<Record<string, string>> = { "x-should-retry": "false" };

/** Nothing is there. The path is not repeated: it may hold what the caller mistook for a header. */
export function notFound(): Refusal {
  return new Refusal(404, "not_found", "No such route");
}

/** Another method is asked for; the answer names it, as RFC 9110 15.5.6 requires. */
export function methodNotAllowed(allow: string): Refusal {
  return new Refusal(405, "invalid_request", `This route takes ${allow}`, { headers: { allow } });
}

/** A failure as an answer. What is no `GrantwayError` is a mistake of ours, whose words stay here. */
export function errorAnswer(dialect: Dialect, error: unknown, requestId: string): Response {
  if (!(error instanceof Refusal)) return encodeErrorResponse(dialect, error, requestId);
  const { code, message, hint, retryAfterMs, httpStatus } = error;
  const { status, headers, body } = ERROR_ENCODERS[dialect]({
    code,
    message: hint === undefined ? message : `${message}. ${hint}`,
    retryAfterMs,
    requestId,
  }, httpStatus);
  return Response.json(body, { status, headers: { ...headers, ...error.headers } });
}
