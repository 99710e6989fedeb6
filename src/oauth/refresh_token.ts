/**
 * Refresh token grant: one request, and what its answer proves about the token that was sent.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 | RFC 6749 6}
 * @module
 */

import type { OAuthError } from "../core/errors.ts";
import type { TokenSet } from "./token_set.ts";

/** What one presentation of a refresh token led to. */
export type RefreshOutcome =
  /** The token is spent, and here is what replaces it. */
  | { kind: "granted"; tokenSet: TokenSet }
  /** The authorization server definitively rejected the token. */
  | { kind: "dead"; error: OAuthError }
  /** A definitive no that did not consume the token: client, request, rate. */
  | { kind: "refused"; error: OAuthError }
  /** Nothing was sent: DNS, connection, TLS. The token is unspent. */
  | { kind: "not_sent"; error: OAuthError }
  /** Sent, outcome unknown: timeout, reset, 5xx, not JSON, no tokens, foreign redirect. */
  | { kind: "ambiguous"; error: OAuthError };
