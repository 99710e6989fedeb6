/**
 * Exit codes, and which error leads to which.
 *
 * @module
 */

import { type ErrorCode, GrantwayError } from "../core/errors.ts";

/** The codes, as documented in the README. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  loginRequired: 4,
  quota: 5,
  network: 6,
  timeout: 7,
  notEntitled: 8,
  storage: 9,
  contentFilter: 10,
  interrupted: 130,
} as const;

const BY_CODE = {
  login_required: EXIT.loginRequired,
  access_denied: EXIT.failure,
  expired_token: EXIT.timeout,
  state_mismatch: EXIT.failure,
  invalid_grant: EXIT.loginRequired,
  invalid_client: EXIT.failure,
  oauth_error: EXIT.failure,
  refresh_uncertain: EXIT.network,
  invalid_response: EXIT.network,
  network: EXIT.network,
  timeout: EXIT.timeout,
  unauthorized: EXIT.loginRequired,
  not_entitled: EXIT.notEntitled,
  quota_exhausted: EXIT.quota,
  rate_limited: EXIT.quota,
  overloaded: EXIT.network,
  upstream: EXIT.network,
  stream_interrupted: EXIT.network,
  invalid_request: EXIT.failure,
  context_overflow: EXIT.failure,
  not_found: EXIT.failure,
  content_filter: EXIT.contentFilter,
  unsupported: EXIT.failure,
  lease_timeout: EXIT.timeout,
  no_mutual_exclusion: EXIT.storage,
  storage_read: EXIT.storage,
  storage_write: EXIT.storage,
  storage_corrupt: EXIT.storage,
  invalid_configuration: EXIT.failure,
} as const satisfies Record<ErrorCode, number>;

/** The user wrote something that the command does not take. Ends with exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override name = "UsageError";
  /** What would be right. */
  readonly hint: string | undefined;

  /** Creates one; `hint` is a command or a short sentence. */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Whether a text is one of the stable codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(BY_CODE, text);
}

/** The exit code that `error` leads to. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof GrantwayError) return BY_CODE[error.code];
  return EXIT.failure;
}
