/**
 * The base of every error that a caller is expected to catch, and the stable codes to switch on.
 *
 * A caller's own mistake is a `TypeError` or `RangeError`; cancellation rethrows `signal.reason`.
 *
 * @module
 */

/** Stable codes. Messages may change; these do not. */
export type ErrorCode =
  | "login_required" // nothing stored, or the refresh token is dead
  | "access_denied" // the user said no at the authorization server
  | "expired_token" // RFC 8628 3.5: the device code ran out before approval
  | "state_mismatch" // the authorization server did not echo our state
  | "invalid_grant" // RFC 6749 5.2, or the vendor's equivalent: the refresh token is dead
  | "invalid_client" // RFC 6749 5.2: the client id is not known there
  | "oauth_error" // any other error code of an authorization server
  | "refresh_uncertain" // a refresh was sent and its outcome is unknown; it will be probed
  | "invalid_response" // a body that is not what the RFC or the API promises
  | "network" // nothing was received: DNS, connection, TLS
  | "timeout" // our own deadline passed
  | "unauthorized" // upstream refused a bearer, and a refresh did not help
  | "not_entitled" // the account or plan may not do this
  | "quota_exhausted" // plan usage used up, or balance too low
  | "rate_limited" // too many requests just now
  | "overloaded" // upstream has no capacity just now
  | "upstream" // upstream failed in another way
  | "stream_interrupted" // bytes stopped before the protocol's last event
  | "invalid_request" // upstream, or our own check, refused the request as such
  | "context_overflow" // the prompt is longer than the model's context
  | "not_found" // no such model or resource upstream
  | "content_filter" // refused on the ground of its content
  | "unsupported" // this combination has no counterpart
  | "lease_timeout" // another process held the lock for too long
  | "no_mutual_exclusion" // this store cannot refresh a rotating token safely
  | "storage_read" // the store could not be read
  | "storage_write" // the store could not be written
  | "storage_corrupt" // the store was read and is not what it should be
  | "invalid_configuration"; // a configuration file or variable is wrong

/** What an error carries besides its code and message. */
export interface ErrorDetails {
  /** What caused it. */
  cause?: unknown;
  /** Whether the same call may succeed later without anyone acting. Default: false. */
  retryable?: boolean | undefined;
  /** How long to wait before the next try, as the other side asked, in ms. */
  retryAfterMs?: number | undefined;
  /** HTTP status of the answer that caused it. */
  status?: number | undefined;
  /** The other side's request id. */
  requestId?: string | undefined;
  /** What mends it, as one sentence or command for the user. */
  hint?: string | undefined;
}

/** Base of every error a caller is expected to catch. */
export class GrantwayError extends Error {
  /** The class name. */
  override name = "GrantwayError";
  /** The stable code. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without anyone acting. */
  readonly retryable: boolean;
  /** How long to wait before the next try, as the other side asked, in ms. */
  readonly retryAfterMs: number | undefined;
  /** HTTP status of the answer that caused it. */
  readonly status: number | undefined;
  /** The other side's request id. */
  readonly requestId: string | undefined;
  /** What mends it, as one sentence or command for the user. */
  readonly hint: string | undefined;

  /** Creates an error; `message` names the action, then the state, without a final period. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.status = details.status;
    this.requestId = details.requestId;
    this.hint = details.hint;
  }
}

/** An authorization server refused, or answered what the RFC does not allow. */
export class OAuthError extends GrantwayError {
  /** The class name. */
  override name = "OAuthError";
}

/** A stored credential is missing, dead, unreadable or could not be saved. */
export class CredentialError extends GrantwayError {
  /** The class name. */
  override name = "CredentialError";
}

/** A model request failed: refused upstream, interrupted, or not understood. */
export class TransportError extends GrantwayError {
  /** The class name. */
  override name = "TransportError";
}
