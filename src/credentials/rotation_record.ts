/**
 * What a rotation writes: the credential before its refresh token is sent, after an attempt that
 * failed, and after one that was granted. Pure functions, which change our own fields alone (I8).
 *
 * - A login ends here only where the provider has said so about that very token (I7).
 * - The generation rises with an answer, and with nothing else (I6).
 *
 * @module
 */

import type { GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import type { RefreshOutcome } from "../oauth/refresh_token.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import type { Credential, RefreshIntent } from "./credential.ts";
import { loginEnded, type LoginNames, notLoggedIn, whyRejected } from "./refresh_error.ts";
import {
  DEFAULT_LIFETIME_MS,
  notSentDelayMs,
  pendingIntent,
  probeDelayMs,
  recentPresentations,
  refusedDelayMs,
} from "./refresh_timing.ts";

/** A credential that has tokens. */
export type LiveCredential = Credential & { tokens: NonNullable<Credential["tokens"]> };

/**
 * What is stored, if it is a login.
 *
 * @throws {CredentialError} `login_required`
 */
export function requireLogin(
  stored: Credential | null,
  names: LoginNames & { host?: string | undefined },
): LiveCredential {
  if (stored === null) throw notLoggedIn(names);
  if (stored.status === "dead" || stored.tokens === null) {
    throw loginEnded(names, whyRejected(stored, names.host));
  }
  return stored as LiveCredential;
}

/** What became of a request that was not granted. */
export type FailedOutcome = {
  kind: Exclude<RefreshOutcome["kind"], "granted">;
  error: GrantwayError;
};

/** What is stored before the next request leaves. */
export function nextIntent(current: Credential, sentAt: number): RefreshIntent {
  const previous = pendingIntent(current);
  return {
    ...previous,
    generation: current.generation,
    attempt: (previous?.attempt ?? 0) + 1,
    sentAt,
    recentAt: [...recentPresentations(previous, sentAt), sentAt],
    reason: undefined,
    retryAt: undefined,
  };
}

/** Whether what is stored is still what was sent. */
export function isSameGrant(stored: Credential, sent: Credential): boolean {
  return stored.generation === sent.generation &&
    stored.tokens?.refreshToken === sent.tokens?.refreshToken;
}

/** Whether a login has taken the place of what was sent; an older backup has not. */
export function supersedes(stored: Credential, sent: Credential): boolean {
  return stored.generation > sent.generation ||
    (stored.generation === sent.generation && stored.tokens !== null &&
      stored.tokens.refreshToken !== sent.tokens?.refreshToken);
}

/** What is stored once an attempt has failed; `rejected` names the token that a dead login had. */
export function afterFailure(
  stored: Credential,
  intent: RefreshIntent,
  { kind, error }: FailedOutcome,
  rejected: string,
  at: number,
): Credential {
  const message = displayText(error.message);
  if (kind === "dead") {
    return {
      ...stored,
      status: "dead",
      tokens: null,
      intent: undefined,
      lastError: {
        code: error.code,
        message: `Refresh token ${rejected} of generation ${stored.generation}: ${message}`,
        at,
      },
    };
  }
  if (kind === "ambiguous") {
    return {
      ...stored,
      intent: { ...intent, reason: message, retryAt: at + probeDelayMs(intent.attempt) },
      lastError: { code: "refresh_uncertain", message, at },
    };
  }
  const delayMs = kind === "refused" ? refusedDelayMs(error.retryAfterMs) : notSentDelayMs(stored);
  return {
    ...stored,
    // This attempt spent nothing; whether an earlier one did is as unknown as before.
    intent: intent.attempt > 1 ? { ...intent, reason: message } : undefined,
    lastError: {
      code: error.code,
      message,
      at,
      retryAt: at + delayMs,
    },
  };
}

/** What is stored once the answer is there: the next generation of `stored`. */
export function rotated(
  stored: Credential,
  sent: Credential,
  tokenSet: TokenSet,
  issuedAt: number,
): Credential {
  const { expiresAt = NaN } = tokenSet;
  return {
    ...stored,
    status: "active",
    tokens: {
      ...(stored.tokens ?? sent.tokens),
      accessToken: tokenSet.accessToken,
      // RFC 6749 6: without a new one the old one stays valid.
      refreshToken: tokenSet.refreshToken || sent.tokens?.refreshToken,
      tokenType: tokenSet.tokenType,
      scope: tokenSet.scope ?? sent.tokens?.scope,
      expiryRaw: tokenSet.expiryRaw,
    },
    // Nobody mints a token that has expired: such an instant is a wrong clock's, and says nothing.
    expiresAt: Number.isFinite(expiresAt) && expiresAt > issuedAt
      ? expiresAt
      : issuedAt + DEFAULT_LIFETIME_MS,
    issuedAt,
    refreshedAt: issuedAt,
    generation: sent.generation + 1,
    intent: undefined,
    lastError: undefined,
  };
}
