/**
 * Signing in with a PKCE user code, at endpoints that the provider's data names.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { createState, createVerifier } from "../oauth/pkce.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import { awaitUserCodeGrant, requestUserCode, type UserCodeClient } from "../oauth/user_code.ts";
import type { Verification } from "../oauth/verification.ts";
import type { EndpointOverrides } from "../providers/endpoints.ts";
import type { OAuthEndpointsProfile, Provider, Region } from "../providers/provider.ts";
import type { LoginEvent, LoginGrant, LoginOptions } from "./login_options.ts";
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
  const failures: OAuthError[] = [];
  for (const profile of profilesToTry(provider, options.overrides ?? {})) {
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

async function loginUnder(
  profile: OAuthEndpointsProfile,
  provider: Provider,
  region: Region,
  options: LoginOptions,
): Promise<LoginGrant> {
  const { onEvent = () => {} } = options;
  const runtime = resolveRuntime(options);
  const client = userCodeClient(profile, provider, region, options.overrides);
  const { verifier, verification, event } = await requestLoginCode(client, provider, runtime);
  onEvent(event);
  const tokenSet = await awaitUserCodeGrant(client, { ...verification, verifier }, runtime);
  const issuedAt = runtime.now();
  requireBearer(provider, tokenSet);
  const message = readNotification(tokenSet);
  if (message !== undefined) onEvent({ type: "notification", message });
  return {
    provider: provider.id,
    region: region.id,
    tokenSet,
    issuedAt,
    clientId: client.clientId,
    endpointsProfile: profile.id,
    resourceUrl: readResourceUrl(tokenSet),
  };
}

/** The profiles to try, in their order; the one that `overrides` names is the only one. */
export function profilesToTry(
  provider: Provider,
  overrides: EndpointOverrides,
): readonly OAuthEndpointsProfile[] {
  return overrides.profile === undefined
    ? requireKind(provider, "user_code").profiles
    : [requireProfile(provider, overrides.profile)];
}

/** Whether a failure speaks of the profile alone: no such path, or no such client there. */
export function isWrongProfile(error: unknown): error is OAuthError {
  return error instanceof OAuthError &&
    (error.status === 404 || error.status === 405 || error.code === "invalid_client");
}

/** The client of a login under a profile. */
export function userCodeClient(
  profile: OAuthEndpointsProfile,
  provider: Provider,
  region: Region,
  overrides: EndpointOverrides = {},
): UserCodeClient {
  const { clientId = requireKind(provider, "user_code").clientId } = overrides;
  return createUserCodeClient(provider, region, profile, clientId, overrides);
}

/** A code that was asked for. */
export interface LoginCode {
  /** What it is polled with. Secret. */
  verifier: string;
  /** What the server said. */
  verification: Verification;
  /** What the user is shown. */
  event: LoginEvent & { type: "code" };
}

/** Asks for a code. Throws like {@linkcode requestUserCode}. */
export async function requestLoginCode(
  client: UserCodeClient,
  provider: Provider,
  runtime: RuntimeOptions,
): Promise<LoginCode> {
  const oauth = requireKind(provider, "user_code");
  const verifier = createVerifier();
  const verification = await requestUserCode(client, { verifier, state: createState() }, runtime);
  const { userCode, expiresAt, intervalMs } = verification;
  const verificationUrl = oauth.repairVerificationUrl(
    verification.verificationUriComplete ?? verification.verificationUri,
  );
  return {
    verifier,
    verification,
    event: {
      type: "code",
      userCode,
      verificationUrl,
      isOpenable: isOpenable(verificationUrl, client.trustedHosts!),
      expiresAt,
      intervalMs,
    },
  };
}

/** The provider's word to the user, where it comes with the tokens; printable. */
export function readNotification({ extra }: TokenSet): string | undefined {
  const { notification_message: notification } = extra;
  if (typeof notification !== "string") return undefined;
  return displayText(notification, MAX_NOTIFICATION_LENGTH) || undefined;
}

/** The API base that comes with the tokens. */
export function readResourceUrl({ extra }: TokenSet): string | undefined {
  const { resource_url: url } = extra;
  return typeof url === "string" && url.length <= MAX_URL_LENGTH ? url : undefined;
}
