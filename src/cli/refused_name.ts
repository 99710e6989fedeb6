/**
 * A provider that refuses a name, of a model or of a voice, does not say where the names are listed.
 *
 * @module
 */

import { GrantwayError, TransportError } from "../core/errors.ts";

/** The same error with a hint, where what was asked for may be what is wrong; else as it came. */
export function withNameHint(error: unknown, hint: string): unknown {
  if (!(error instanceof GrantwayError) || error.hint !== undefined) return error;
  if (error.code !== "not_found" && error.code !== "invalid_request") return error;
  const { code, message, status, requestId } = error;
  return new TransportError(code, message, { cause: error, status, requestId, hint });
}
