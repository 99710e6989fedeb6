/**
 * Which failures repeat, and when. All of it happens before anything has reached the caller: after
 * that a repetition would say things twice.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";
import type { StreamError } from "../protocols/event.ts";

/** How often one request is repeated, unless the caller says otherwise. */
export const DEFAULT_MAX_RETRIES = 2;

/** A wait that upstream asks for is granted up to here; what is longer is the caller's to decide. */
const MAX_RETRY_AFTER_MS = 10_000;

/** The first wait where upstream names none; each further one doubles. */
const BACK_OFF_MS = 500;

/** Server errors that a repetition does not mend: not implemented, wrong version, broken TLS set-up. */
const LASTING_STATUSES: readonly number[] = [501, 505, 525, 526];

/** Whether upstream refused only for the moment. Quotas, refusals and bad requests stay what they are. */
export function isMomentary({ code, status, upstreamCode }: StreamError): boolean {
  switch (code) {
    case "rate_limited":
    case "overloaded":
    case "timeout":
      return true;
    case "upstream":
      // Without a status, what upstream itself called an error; an answer that makes no sense will
      // make none the next time.
      return status === undefined
        ? upstreamCode !== undefined
        : status >= 500 && !LASTING_STATUSES.includes(status);
    default:
      return false;
  }
}

/** How long to wait before repetition number `retry` (from 0), ms; `undefined`: do not repeat. */
export function retryDelayMs(
  error: TransportError,
  retry: number,
  maxRetries: number,
): number | undefined {
  if (retry >= maxRetries) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= MAX_RETRY_AFTER_MS ? error.retryAfterMs : undefined;
  }
  // Spread, so that clients that failed together do not come back together.
  return BACK_OFF_MS * 2 ** retry * (1 - Math.random() / 4);
}
