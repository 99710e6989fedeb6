/**
 * Id tokens: whether one is this issuer's, for this client and this sign-in.
 *
 * A verified id token says whose login it is. It authorizes nothing here.
 *
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation | OpenID Connect Core 3.1.3.7}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { JsonObject, TrustedHosts } from "../core/http.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError } from "./answer_error.ts";
import type { AuthorizationServer } from "./discovery.ts";
import { type FormRequest, getJson } from "./request.ts";
import type { AnswerClock } from "./token_set.ts";

/** What an id token must be. */
export interface IdTokenExpectations {
  /** Who must have signed it. */
  server: Pick<AuthorizationServer, "issuer" | "jwksUri" | "signingAlgorithms">;
  /** Hosts that a redirect of the key request may lead to. */
  trustedHosts: TrustedHosts;
  /** For whom. */
  clientId: string;
  /** What it must repeat. */
  nonce: string;
  /** How messages start: `Cannot sign in to xAI OAuth`. */
  action: string;
}

const KEYS_TIMEOUT_MS = 10_000;
const CLOCK_TOLERANCE_S = 60;
/** Asymmetric ones only: for a public client an HMAC key would be no secret. */
const ALGORITHMS: readonly string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "EdDSA",
  "Ed25519",
];

/**
 * Verifies an id token: signature, issuer, audience, expiry and nonce.
 *
 * @returns Its claims.
 * @throws {OAuthError} `invalid_response` when it is not what is expected, or when the server has no
 * usable keys; `network`, `timeout` when they cannot be had.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function verifyIdToken(
  idToken: string,
  { server, trustedHosts, clientId, nonce, action }: IdTokenExpectations,
  options: RuntimeOptions = {},
): Promise<JsonObject> {
  if (server.jwksUri === undefined) {
    throw new OAuthError("invalid_response", `${action}: the server publishes no keys`);
  }
  const { keys, clock } = await fetchKeys({
    action,
    url: server.jwksUri,
    fields: {},
    trustedHosts,
    timeoutMs: KEYS_TIMEOUT_MS,
  }, options);
  // Only a login needs it, and only one way of signing in.
  const [{ jwtVerify }, { createLocalJWKSet }, errors] = await Promise.all([
    import("jose/jwt/verify"),
    import("jose/jwks/local"),
    import("jose/errors"),
  ]);
  const offered = server.signingAlgorithms ?? ALGORITHMS;
  try {
    const { payload } = await jwtVerify(
      idToken,
      createLocalJWKSet(keys as unknown as Parameters<typeof createLocalJWKSet>[0]),
      {
        issuer: server.issuer,
        audience: clientId,
        algorithms: ALGORITHMS.filter((name) => offered.includes(name)),
        // By the server's clock: ours may be wrong by hours.
        currentDate: new Date(clock.now + (clock.offsetMs ?? 0)),
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ["exp", "iat", "sub"],
      },
    );
    // One that was issued to another client may name us among its audience.
    const isForUs = payload["azp"] === undefined || payload["azp"] === clientId;
    if (payload["nonce"] === nonce && isForUs) return payload;
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError) && !(cause instanceof TypeError)) throw cause;
    throw refused(action, cause);
  }
  throw refused(action);
}

function refused(action: string, cause?: Error): OAuthError {
  return new OAuthError(
    "invalid_response",
    `${action}: the id token is not this server's word on this sign-in`,
    { cause },
  );
}

async function fetchKeys(
  request: FormRequest,
  options: RuntimeOptions,
): Promise<{ keys: JsonObject; clock: AnswerClock }> {
  const outcome = await getJson(request, options);
  if (outcome.kind !== "answer") {
    options.signal?.throwIfAborted();
    throw outcome.error;
  }
  const { answer } = outcome;
  const { status, body, clock } = answer;
  if (status === 200 && body !== undefined && Array.isArray(body["keys"])) {
    return { keys: body, clock };
  }
  throw createAnswerError(request, answer, {}, "instead of keys");
}
