/**
 * When a credential is refreshed, and how often at most. Pure functions of a credential and a clock.
 *
 * A wall clock may be wrong by years. So a stored instant never makes anyone wait longer than the
 * wait that was written down: what lies further ahead was written under another clock.
 *
 * @module
 */

import type { Credential, RefreshIntent } from "./credential.ts";

/** How long one refresh request may take. */
export const GRANT_TIMEOUT_MS = 20_000;
/** How long an orphaned request may still be processed; nobody probes sooner. */
export const PROBE_DELAY_MS = 12_000;
/** How long a caller waits for a refresh: two requests, the wait between them, and some. */
export const WAIT_MS = 60_000;
/** With this much left, an access token is used without waiting for its successor. */
export const READER_MARGIN_MS = 30_000;
/** A bearer refused so soon after its mint is not replaced: another one would be refused as well. */
export const FRESH_MINT_MS = 120_000;
/** The lifetime of an access token whose expiry nobody named. */
export const DEFAULT_LIFETIME_MS = 15 * 60_000;
/** How long saving is tried before it counts as failed; it goes on while the process lives. */
export const SAVE_TIMEOUT_MS = 60_000;
/** Ends a wait that nobody needs any more; without a reason, an exception with its stack is made. */
export const OVER = "over";

const MIN_LEAD_MS = 5 * 60_000;
const MIN_SPACING_MS = 2_000;
const MAX_PROBE_DELAY_MS = 5 * 60_000;
const RATE_WINDOW_MS = 10 * 60_000;
const MAX_PER_WINDOW = 12;
// Once a minute stays under 12 in 10 minutes.
const REFUSED_DELAY_MS = 60_000;
const MAX_RETRY_AFTER_MS = 60 * 60_000;
const NOT_SENT_DELAY_MS = 2_000;
const MAX_NOT_SENT_DELAY_MS = 60_000;

/**
 * When a refresh is due: 5 minutes or a fifth of the lifetime before expiry, but not before half of
 * it. `jitter` in [0, 1) makes processes differ by a tenth of that lead.
 */
export function dueAt(credential: Credential, jitter: number): number {
  if (credential.expiresAt === null) return Infinity;
  const lifetimeMs = Math.max(0, credential.expiresAt - credential.issuedAt);
  const leadMs = Math.min(Math.max(MIN_LEAD_MS, 0.2 * lifetimeMs), 0.5 * lifetimeMs);
  return credential.expiresAt - leadMs * (1 - 0.1 * jitter);
}

/** The refresh that was sent with the stored refresh token and has no known outcome. */
export function pendingIntent(credential: Credential): RefreshIntent | undefined {
  return credential.intent?.generation === credential.generation ? credential.intent : undefined;
}

/** How long no refresh may be sent, ms; 0 when one may be sent now. */
export function pacedMs(credential: Credential, now: number): number {
  const intent = pendingIntent(credential);
  const { lastError } = credential;
  const recent = recentPresentations(intent, now);
  const limited = recent.length < MAX_PER_WINDOW
    ? 0
    : recent[recent.length - MAX_PER_WINDOW]! + RATE_WINDOW_MS - now;
  const last = Math.max(...recent, credential.refreshedAt ?? 0);
  return Math.max(
    0,
    limited,
    within(last + MIN_SPACING_MS - now, MIN_SPACING_MS),
    within((intent?.retryAt ?? 0) - now, probeDelayMs(intent?.attempt ?? 1)),
    within((lastError?.retryAt ?? 0) - now, (lastError?.retryAt ?? 0) - (lastError?.at ?? 0)),
  );
}

/** A wait, unless it is longer than the one that was written down: then the clock went back. */
function within(waitMs: number, maxMs: number): number {
  return waitMs <= maxMs ? waitMs : 0;
}

/** The presentations of this refresh token in the last ten minutes. */
export function recentPresentations(intent: RefreshIntent | undefined, now: number): number[] {
  return (intent?.recentAt ?? []).filter((at) => at > now - RATE_WINDOW_MS && at <= now);
}

/** How long after an attempt without known outcome the next one may be sent. */
export function probeDelayMs(attempt: number): number {
  return Math.min(PROBE_DELAY_MS * 2 ** (attempt - 1), MAX_PROBE_DELAY_MS);
}

/** How long after a refusal that spent nothing the next attempt may be sent. */
export function refusedDelayMs(retryAfterMs = 0): number {
  return Math.min(Math.max(REFUSED_DELAY_MS, retryAfterMs), MAX_RETRY_AFTER_MS);
}

/** How long after a request that could not be sent the next attempt may be made. */
export function notSentDelayMs({ lastError }: Credential): number {
  const previousMs = lastError?.retryAt === undefined ? 0 : lastError.retryAt - lastError.at;
  return Math.min(Math.max(NOT_SENT_DELAY_MS, 2 * previousMs), MAX_NOT_SENT_DELAY_MS);
}

/** What `auth status` calls a credential. */
export type CredentialState = "fresh" | "due" | "expired" | "uncertain" | "dead";

/** The state of a stored credential at `now`. */
export function credentialState(credential: Credential, now: number): CredentialState {
  if (credential.status === "dead" || credential.tokens === null) return "dead";
  if (pendingIntent(credential) !== undefined) return "uncertain";
  if (credential.expiresAt !== null && credential.expiresAt <= now) return "expired";
  return now < dueAt(credential, 0) ? "fresh" : "due";
}
