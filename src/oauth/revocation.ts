/**
 * Token revocation: tells the authorization server that a token is no longer needed.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7009 | RFC 7009}
 * @module
 */

import type { RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError, readAnswerError } from "./answer_error.ts";
import type { OAuthClient } from "./client.ts";
import { type FormRequest, postForm } from "./request.ts";

const TIMEOUT_MS = 15_000;

/** A client of an authorization server that revokes tokens. */
export interface RevocationClient extends OAuthClient {
  /** Where tokens are revoked. */
  revocationEndpoint: URL;
}

/** Which token to revoke. */
export interface RevocationRequest {
  /** The token. Secret. */
  token: string;
  /** What it is; spares the server a search. */
  tokenTypeHint?: "access_token" | "refresh_token" | undefined;
}

/**
 * Revokes a token. A token that the server does not know counts as revoked (RFC 7009 2.2).
 *
 * @throws {OAuthError} When the server refuses, or cannot be reached; it may be `retryable`.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function revokeToken(
  client: RevocationClient,
  { token, tokenTypeHint }: RevocationRequest,
  options: RuntimeOptions = {},
): Promise<void> {
  const request: FormRequest = {
    action: `Cannot revoke the token at ${client.name ?? client.revocationEndpoint.host}`,
    url: client.revocationEndpoint,
    fields: { token, token_type_hint: tokenTypeHint, client_id: client.clientId },
    trustedHosts: client.trustedHosts,
    timeoutMs: TIMEOUT_MS,
  };
  const outcome = await postForm(request, options);
  if (outcome.kind !== "answer") {
    options.signal?.throwIfAborted();
    throw outcome.error;
  }
  const { answer } = outcome;
  // RFC 7009 2.2: the status says it all; the body is to be ignored.
  if (answer.status >= 200 && answer.status <= 299) return;
  throw createAnswerError(request, answer, readAnswerError(client, answer.body).said);
}
