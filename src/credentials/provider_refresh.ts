/**
 * How a stored login is refreshed at its provider.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import { type RefreshOutcome, requestRefresh } from "../oauth/refresh_token.ts";
import { type EndpointOverrides, findRegion } from "../providers/endpoints.ts";
import type { Provider } from "../providers/provider.ts";
import type { Credential } from "./credential.ts";
import { createUserCodeClient, requireKind, requireProfile } from "./provider_client.ts";

/**
 * Options of {@linkcode createProviderRefresh}. A `signal` has no place here: what interrupts the
 * program must not interrupt a refresh that was sent.
 */
export interface ProviderRefreshOptions extends Omit<RuntimeOptions, "signal"> {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
}

/**
 * Creates the function that presents a credential's refresh token once, as
 * {@linkcode requestRefresh} does.
 *
 * The request goes to the token endpoint of the region and the endpoints profile that the login was
 * made with, under the client id that it was made with. The URL comes from the provider's tables and
 * the checked overrides, never from what is stored.
 *
 * The function rejects with a {@linkcode CredentialError} `login_required` for a credential without
 * refresh token, with `invalid_configuration` for a region or profile that is unknown, and with the
 * signal's reason when it had aborted before anything was sent.
 */
export function createProviderRefresh(
  provider: Provider,
  options: ProviderRefreshOptions = {},
): (credential: Credential, signal?: AbortSignal) => Promise<RefreshOutcome> {
  const { fetch, now, sleep, startTimer, overrides = {} } = options;
  const oauth = requireKind(provider, "user_code");
  return async (credential, signal) => {
    const refreshToken = credential.tokens?.refreshToken;
    if (!refreshToken) {
      throw new CredentialError(
        "login_required",
        `Cannot refresh ${provider.shortName}: the login ${credential.label} has no refresh token`,
      );
    }
    const region = findRegion(provider, credential.region);
    if (region === undefined) {
      throw new GrantwayError(
        "invalid_configuration",
        `Cannot refresh ${provider.shortName}: its region ${
          JSON.stringify(credential.region)
        } is unknown`,
      );
    }
    const { endpointsProfile = oauth.profiles[0]!.id, clientId = oauth.clientId } = credential;
    const profile = requireProfile(provider, endpointsProfile);
    const client = createUserCodeClient(provider, region, profile, clientId, overrides);
    return await requestRefresh(client, refreshToken, { fetch, now, sleep, startTimer, signal });
  };
}
