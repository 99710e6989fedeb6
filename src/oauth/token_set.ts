/**
 * Token endpoint answers: the token set, and the expiry rule.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.1 | RFC 6749 5.1}
 * @module
 */

import type { JsonObject } from "../core/http.ts";

/** A successful answer of a token endpoint. */
export interface TokenSet {
  /** The access token. Secret. */
  accessToken: string;
  /** Absent on a refresh: the old one stays valid (RFC 6749 6). Secret. */
  refreshToken?: string | undefined;
  /** As the server wrote it; `Bearer` when it wrote none. */
  tokenType: string;
  /** Space-separated scopes, when the server named them. */
  scope?: string | undefined;
  /** The expiry as the server wrote it. */
  expiryRaw?: string | number | null | undefined;
  /** When the access token expires, ms since the epoch; `undefined` when the answer does not say. */
  expiresAt?: number | undefined;
  /** Every other field of the answer, as it came. */
  extra: JsonObject;
}
