/**
 * Signing in with a PKCE user code, at endpoints that the provider's data names.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime } from "../core/runtime.ts";
import { createState, createVerifier } from "../oauth/pkce.ts";
import { awaitUserCodeGrant, requestUserCode } from "../oauth/user_code.ts";
import type { OAuthEndpointsProfile, Provider, Region } from "../providers/provider.ts";
import type { LoginGrant, LoginOptions } from "./login_options.ts";
import {
  createUserCodeClient,
  isOpenable,
  MAX_URL_LENGTH,
  requireBearer,
  requireKind,
  requireProfile,
} from "./provider_client.ts";

const MAX_NOTIFICATION_LENGTH = 500;

/**
 * Signs in with a user code that is approved in a browser, on this machine or any other.
 *
 * The provider's endpoints profiles are tried in their order: the next one where the server knows no
 * such path (404, 405) or no such client. A profile that `overrides` names is the only one tried.
 *
 * @example Usage
 * ```ts ignore
 * const grant = await loginWithUserCode(provider, region, {
 *   onEvent: (event) => event.type === "code" && console.log(event.verificationUrl, event.userCode),
 * });
 * await storeLogin(createCredentialStore(store, lease), grant, { owner });
 * ```
 * @throws {OAuthError} `access_denied`, `expired_token`, `state_mismatch`, `invalid_client`,
 * `invalid_response`, `network`, `timeout`, or what else the server said.
 * @throws {GrantwayError} `invalid_configuration` when an override is not allowed.
 * @throws The signal's reason, unchanged, when the caller cancels. Nothing is left behind then.
 */
export async function loginWithUserCode(
  provider: Provider,
  region: Region,
  options: LoginOptions = {},
): Promise<LoginGrant> {
  const { overrides = {} } = options;
  const profiles = overrides.profile === undefined
    ? requireKind(provider, "user_code").profiles
    : [requireProfile(provider, overrides.profile)];
  const failures: OAuthError[] = [];
  for (const profile of profiles) {
    try {
      return await loginUnder(profile, provider, region, options);
    } catch (error) {
      if (!isWrongProfile(error)) throw error;
      failures.push(error);
    }
  }
  // A server that answers as OAuth does says more than a path that is not there.
  throw failures.find(({ code }) => code === "invalid_client") ?? failures[0];
}

function isWrongProfile(error: unknown): error is OAuthError {
  return error instanceof OAuthError &&
    (error.status === 404 || error.status === 405 || error.code === "invalid_client");
}

async function loginUnder(
  profile: OAuthEndpointsProfile,
  provider: Provider,
  region: Region,
  options: LoginOptions,
): Promise<LoginGrant> {
  const { overrides = {}, onEvent = () => {} } = options;
  const runtime = resolveRuntime(options);
  const oauth = requireKind(provider, "user_code");
  const clientId = overrides.clientId ?? oauth.clientId;
  const client = createUserCodeClient(provider, region, profile, clientId, overrides);
  const verifier = createVerifier();

  const verification = await requestUserCode(client, { verifier, state: createState() }, runtime);
  const verificationUrl = oauth.repairVerificationUrl(
    verification.verificationUriComplete ?? verification.verificationUri,
  );
  onEvent({
    type: "code",
    userCode: verification.userCode,
    verificationUrl,
    isOpenable: isOpenable(verificationUrl, client.trustedHosts!),
    expiresAt: verification.expiresAt,
    intervalMs: verification.intervalMs,
  });

  const tokenSet = await awaitUserCodeGrant(client, { ...verification, verifier }, runtime);
  const issuedAt = runtime.now();
  requireBearer(provider, tokenSet);
  const { notification_message: notification, resource_url: resourceUrl } = tokenSet.extra;
  const message = typeof notification === "string"
    ? displayText(notification, MAX_NOTIFICATION_LENGTH)
    : "";
  if (message !== "") onEvent({ type: "notification", message });
  return {
    provider: provider.id,
    region: region.id,
    tokenSet,
    issuedAt,
    clientId,
    endpointsProfile: profile.id,
    resourceUrl: typeof resourceUrl === "string" && resourceUrl.length <= MAX_URL_LENGTH
      ? resourceUrl
      : undefined,
  };
}
