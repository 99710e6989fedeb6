/**
 * What a stored credential can do now, and what of it may be shown.
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import { credentialState } from "./refresh_timing.ts";

/** What a credential can do now. */
export type CredentialStatus =
  /** The access token is valid; an API key always is, as far as can be known here. */
  | { state: "valid"; expiresInMs: number | null }
  /** Expired, and refreshed on the next use. */
  | { state: "refreshable"; expiredMs: number }
  /** A refresh was sent and its answer is not known; it is probed on the next use. */
  | { state: "uncertain" }
  /** Rejected, or expired without a refresh token. */
  | { state: "needs_login"; reason: string };

/** A credential without its secrets. */
export type ShownCredential = Omit<Credential, "tokens" | "intent">;

/**
 * The state of `credential` at `now`.
 *
 * @param keepsElsewhere Whether somebody else keeps its refresh token, as the Worker's objects do.
 */
export function statusOf(
  credential: Credential,
  now: number,
  keepsElsewhere = false,
): CredentialStatus {
  const { tokens, expiresAt } = credential;
  const state = credentialState(credential, now);
  if (state === "dead" || tokens === null) {
    return { state: "needs_login", reason: credential.lastError?.message ?? "rejected" };
  }
  if (expiresAt === null) return { state: "valid", expiresInMs: null };
  if (expiresAt > now) return { state: "valid", expiresInMs: expiresAt - now };
  if (!tokens.refreshToken && !keepsElsewhere) {
    return { state: "needs_login", reason: "expired, and there is no refresh token" };
  }
  return state === "uncertain"
    ? { state: "uncertain" }
    : { state: "refreshable", expiredMs: now - expiresAt };
}

/** `credential` without its secrets. */
export function withoutSecrets(credential: Credential): ShownCredential {
  const { tokens: _tokens, intent: _intent, ...shown } = credential;
  return shown;
}
