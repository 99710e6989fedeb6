/**
 * Refresh token grant: one request, and what its answer proves about the token that was sent.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 | RFC 6749 6}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError, createEntitlementError, readAnswerError } from "./answer_error.ts";
import type { OAuthClient } from "./client.ts";
import { type FormAnswer, type FormRequest, postForm } from "./request.ts";
import { parseTokenSet, type TokenSet } from "./token_set.ts";

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

/** Longer than the other deadlines: who gives up early may lose the answer that he needs most. */
const TIMEOUT_MS = 20_000;

/** Answers by which a server says that it did not even look at the token. */
const NOT_CONSUMED: readonly string[] = [
  "invalid_request",
  "invalid_client",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
  "slow_down",
];

/**
 * Presents a refresh token once. It never repeats the request by itself, redirects apart.
 *
 * - `dead` takes proof: a JSON object under a 4xx status whose `error` is `invalid_grant` or one of
 *   the client's `deadErrors`, or the same code in an answer under 2xx that the client's
 *   `readTokenAnswer` calls an error.
 * - `refused` takes a code that says that the token was not looked at, a 429, or the answer by which
 *   the client's `entitlement` tells a plan that is not let in.
 * - Everything else that came, or did not come, after the request may have left is `ambiguous`: HTML,
 *   5xx, an unknown code, a nested error object, a deadline, a refused redirect, and a cancellation.
 *
 * @param client The public client that the token was issued to.
 * @throws The signal's reason, unchanged, when it had aborted before anything was sent; never for
 * what the server or the network does.
 */
export async function requestRefresh(
  client: OAuthClient,
  refreshToken: string,
  options: RuntimeOptions = {},
): Promise<RefreshOutcome> {
  const request: FormRequest = {
    action: `Cannot refresh the token of ${client.name ?? client.tokenEndpoint.host}`,
    url: client.tokenEndpoint,
    fields: {
      grant_type: "refresh_token",
      client_id: client.clientId,
      refresh_token: refreshToken,
    },
    trustedHosts: client.trustedHosts,
    timeoutMs: TIMEOUT_MS,
  };
  const outcome = await postForm(request, options);
  switch (outcome.kind) {
    case "answer":
      return judgeRefresh(client, request, outcome.answer);
    case "not_sent":
      return { kind: "not_sent", error: outcome.error };
    default:
      return { kind: "ambiguous", error: outcome.error };
  }
}

function judgeRefresh(
  client: OAuthClient,
  request: FormRequest,
  answer: FormAnswer,
): RefreshOutcome {
  const { status, body } = answer;
  const isSuccess = status >= 200 && status <= 299;
  const isRefusal = status >= 400 && status <= 499;
  const { mark, said } = readAnswerError(client, body);
  const saysNo = !answer.claimsHtml && (isRefusal || (isSuccess && mark === "error"));

  if (saysNo && said.code !== undefined) {
    if (said.code === "invalid_grant" || client.deadErrors?.includes(said.code)) {
      const { message } = createAnswerError(request, answer, said);
      return { kind: "dead", error: new OAuthError("invalid_grant", message, { status }) };
    }
  }
  if (isSuccess && body !== undefined) {
    try {
      // Tokens count more than any mark beside them: to drop them would lose the login.
      return { kind: "granted", tokenSet: parseTokenSet(body, answer.clock) };
    } catch { /* no tokens: judged below */ }
  }
  const notEntitled = createEntitlementError(client, request, answer, said);
  if (notEntitled !== undefined) return { kind: "refused", error: notEntitled };
  const isUnconsumed = status === 429 ||
    (saysNo && said.code !== undefined && NOT_CONSUMED.includes(said.code));
  return {
    kind: isUnconsumed ? "refused" : "ambiguous",
    error: createAnswerError(
      request,
      answer,
      said,
      isSuccess ? "without an access token" : undefined,
    ),
  };
}
