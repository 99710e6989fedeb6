/**
 * A provider's data as the client that the grants take.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { UserCodeClient } from "../oauth/user_code.ts";
import { type EndpointOverrides, resolveEndpoints } from "../providers/endpoints.ts";
import type {
  OAuthEndpointsProfile,
  OAuthSettings,
  Provider,
  Region,
} from "../providers/provider.ts";

/** The OAuth settings of a provider that has a login. */
export function requireOAuth(provider: Provider): OAuthSettings {
  if (provider.oauth === undefined) {
    throw new TypeError(`Cannot sign in to ${provider.id}: it has no login`);
  }
  return provider.oauth;
}

/** The settings of a provider whose login is of that kind. */
export function requireKind<Kind extends OAuthSettings["kind"]>(
  provider: Provider,
  kind: Kind,
): OAuthSettings & { kind: Kind } {
  const oauth = requireOAuth(provider);
  if (oauth.kind !== kind) {
    throw new TypeError(`Cannot sign in to ${provider.id} this way: its login is ${oauth.kind}`);
  }
  return oauth as OAuthSettings & { kind: Kind };
}

/**
 * The endpoints profile of that name.
 *
 * @throws {GrantwayError} `invalid_configuration` when there is none.
 */
export function requireProfile(provider: Provider, id: string): OAuthEndpointsProfile {
  const { profiles } = requireKind(provider, "user_code");
  const profile = profiles.find((candidate) => candidate.id === id);
  if (profile === undefined) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot use endpoints profile ${JSON.stringify(id)} of ${provider.id}: it is none of ${
        profiles.map((candidate) => candidate.id).join(", ")
      }`,
    );
  }
  return profile;
}

/** The client with that id at one region's authorization server under one profile. */
export function createUserCodeClient(
  provider: Provider,
  region: Region,
  profile: OAuthEndpointsProfile,
  clientId: string,
  overrides: EndpointOverrides,
): UserCodeClient {
  const oauth = requireKind(provider, "user_code");
  const endpoints = resolveEndpoints(provider, region, overrides);
  const { authorization, token } = endpoints.oauth(profile);
  return {
    clientId,
    name: provider.shortName,
    authorizationEndpoint: authorization,
    tokenEndpoint: token,
    trustedHosts: endpoints.oauthHosts,
    scopes: oauth.scopes,
    grantType: oauth.grantType,
    defaultIntervalMs: oauth.defaultIntervalMs,
    deadErrors: oauth.deadErrors,
    readTokenAnswer: oauth.readTokenAnswer,
  };
}
