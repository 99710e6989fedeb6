/**
 * PKCE user-code grant: request a code with a challenge, poll with the verifier, return a token set.
 *
 * No RFC describes it. It is the device authorization grant without a device code: the user code
 * itself is polled with, and the PKCE verifier proves who asked for it. The server echoes a `state`,
 * writes `interval` in milliseconds, and its `expired_in` in any of three forms.
 *
 * It prints nothing, opens no browser and stores nothing.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import type { OAuthClient } from "./client.ts";
import { createChallenge } from "./pkce.ts";
import { awaitGrant, type PollResult, pollTokenEndpoint } from "./polling.ts";
import type { TokenSet } from "./token_set.ts";
import { parseVerification, requestAuthorization, type Verification } from "./verification.ts";

const DEFAULT_INTERVAL_MS = 2_000;

/** A client of an authorization server that hands out user codes. */
export interface UserCodeClient extends OAuthClient {
  /** Where the code comes from. */
  authorizationEndpoint: URL;
  /** `grant_type` of the poll. */
  grantType: string;
  /** Scopes to ask for. */
  scopes?: readonly string[] | undefined;
  /** Where the server names no interval, ms. Default: 2,000. */
  defaultIntervalMs?: number | undefined;
}

/** What binds a code to the one who asked for it; each fresh for every login. */
export interface UserCodeRequest {
  /** From {@linkcode createVerifier}. Secret; polled with later. */
  verifier: string;
  /** From {@linkcode createState}. */
  state: string;
}

/** What to poll with. */
export interface UserCodePoll {
  /** The code that the user approves. */
  userCode: string;
  /** The verifier that it was requested with. Secret. */
  verifier: string;
}

/**
 * Requests a user code.
 *
 * @throws {OAuthError} `state_mismatch` when the answer does not echo the state, `invalid_response`
 * when it lacks a code or a page, `network`, `timeout`, or what the server said: `invalid_client`, or
 * any other code with the answer's `status`.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function requestUserCode(
  client: UserCodeClient,
  { verifier, state }: UserCodeRequest,
  options: RuntimeOptions = {},
): Promise<Verification> {
  const { body, clock, action } = await requestAuthorization(
    client,
    client.authorizationEndpoint,
    {
      response_type: "code",
      client_id: client.clientId,
      scope: client.scopes?.join(" "),
      code_challenge: await createChallenge(verifier),
      code_challenge_method: "S256",
      state,
    },
    options,
  );
  const unit = { unitMs: 1, defaultMs: client.defaultIntervalMs ?? DEFAULT_INTERVAL_MS };
  const verification = parseVerification(body, clock, unit, action);
  if (body["state"] !== state) {
    throw new OAuthError(
      "state_mismatch",
      `${action}: the state that came back is not the one that was sent ` +
        "(possible CSRF, or a proxy that rewrites answers)",
      { hint: "Sign in again; if it persists, look for a proxy or redirect that changes answers." },
    );
  }
  return verification;
}

/**
 * Asks once whether the user has answered. A `status` that nobody knows counts as "not yet".
 *
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export function pollUserCodeGrant(
  client: UserCodeClient,
  { userCode, verifier }: UserCodePoll,
  options: RuntimeOptions = {},
): Promise<PollResult> {
  const fields = { grant_type: client.grantType, user_code: userCode, code_verifier: verifier };
  return pollTokenEndpoint(client, fields, options);
}

/**
 * Polls the token endpoint until the user has answered; waits as
 * {@linkcode awaitDeviceGrant} does.
 *
 * @example Usage
 * ```ts ignore
 * const verifier = createVerifier();
 * const verification = await requestUserCode(client, { verifier, state: createState() });
 * console.log(verification.verificationUri, verification.userCode);
 * const tokenSet = await awaitUserCodeGrant(client, { ...verification, verifier }, { signal });
 * ```
 * @throws {OAuthError} `access_denied` when the user refuses, `expired_token` when the code runs out,
 * or the code of any other refusal.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export function awaitUserCodeGrant(
  client: UserCodeClient,
  grant: Verification & UserCodePoll,
  options: RuntimeOptions = {},
): Promise<TokenSet> {
  const poll = () => pollUserCodeGrant(client, grant, options);
  return awaitGrant(client, grant, poll, options);
}
