/**
 * What the keeper says when it has no access token to give: the provider, the state, what mends it.
 *
 * @module
 */

import { CredentialError, type ErrorCode } from "../core/errors.ts";
import type { Credential } from "./credential.ts";
import { pendingIntent } from "./refresh_timing.ts";

/** How messages name a provider and the way to sign in. */
export interface LoginNames {
  /** How messages name the provider. */
  name: string;
  /** What mends a missing or dead login, such as a command. */
  loginHint: string;
}

/** Nothing is stored. */
export function notLoggedIn({ name, loginHint }: LoginNames): CredentialError {
  return new CredentialError("login_required", `Not logged into ${name}`, { hint: loginHint });
}

/** What was stored is of no more use. */
export function loginEnded(
  { name, loginHint }: LoginNames,
  reason: string,
  cause?: unknown,
): CredentialError {
  return new CredentialError("login_required", `The login to ${name} has ended: ${reason}`, {
    cause,
    hint: loginHint,
  });
}

/** Why a server takes a refresh token no more, as far as can be known: `host` is where this one is. */
export function whyRejected({ owner }: Credential, host: string | undefined): string {
  const isCopy = host !== undefined && owner.host !== host;
  return isCopy
    ? "it was copied here from elsewhere, and one copy's refresh ends the other"
    : "the provider rejected its refresh token; if a copy of this login is used elsewhere, one " +
      "copy's refresh ends the other";
}

/** A refresh may not be sent before `waitMs` have passed. */
export function notYet(
  { name }: LoginNames,
  credential: Credential,
  waitMs: number,
): CredentialError {
  const [code, state] = blockedBy(credential);
  return new CredentialError(code, `Cannot refresh ${name} just now: ${state}`, {
    retryable: true,
    retryAfterMs: Math.ceil(waitMs),
  });
}

function blockedBy(credential: Credential): [ErrorCode, string] {
  if (pendingIntent(credential) !== undefined) {
    return ["refresh_uncertain", "the outcome of the last attempt is unknown"];
  }
  const { lastError } = credential;
  if (lastError?.retryAt === undefined) {
    return ["rate_limited", "the last refresh was a moment ago"];
  }
  // The stored code is any text; only these are told apart.
  const known = (["network", "rate_limited", "invalid_client", "invalid_configuration"] as const)
    .find((code) => code === lastError.code);
  return [known ?? "oauth_error", lastError.message];
}

/** A refresh succeeded, and its answer could not be saved. */
export function notSaved({ name, loginHint }: LoginNames, cause: unknown): CredentialError {
  const state = cause instanceof Error ? cause.message : "unknown error";
  return new CredentialError("storage_write", `Cannot save the new tokens of ${name}: ${state}`, {
    cause,
    hint: "Make room or make the folder writable while this process runs: it keeps trying. " +
      `If it ends first: ${loginHint}`,
  });
}
