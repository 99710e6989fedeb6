/**
 * What a transport needs of a credential: a bearer per request, never one captured at start.
 *
 * @module
 */

/** A bearer and what it belongs to. */
export interface AccessToken {
  /** The bearer. Secret; the keeper's tokens print it as a fingerprint. */
  value: string;
  /** Generation of the credential; handed back when upstream refuses this bearer. */
  generation: number;
  /** When it expires, ms since the epoch; null for an API key. */
  expiresAt: number | null;
  /** Which credential it is. */
  credential: { provider: string; id: string; label: string; region: string };
  /** API base that the server chose for this grant; the transport checks it against its hosts. */
  resourceUrl?: string | undefined;
}

/** Options of {@linkcode AccessTokenSource.get}. */
export interface GetTokenOptions {
  /** Gives up waiting. A refresh that has been sent is not interrupted. */
  signal?: AbortSignal | undefined;
  /**
   * Upstream refused a bearer of this generation: do not hand it out again. A refresh happens only
   * if the stored generation is still this one.
   */
  rejectedGeneration?: number | undefined;
}

/** Hands out bearers that are fresh now. */
export interface AccessTokenSource {
  /**
   * A bearer that is valid now.
   *
   * @throws {CredentialError} `login_required`, `refresh_uncertain`, `lease_timeout`, `storage_…`.
   */
  get(options?: GetTokenOptions): Promise<AccessToken>;
}
