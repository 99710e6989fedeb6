/**
 * A provider's data as the client that the grants take.
 *
 * @module
 */

import { GrantwayError, OAuthError } from "../core/errors.ts";
import { isTrustedUrl, type JsonObject, type TrustedHosts } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import type { OAuthClient } from "../oauth/client.ts";
import { type AuthorizationServer, createDiscovery, type Discovery } from "../oauth/discovery.ts";
import { isBearerType, readJwtClaims, type TokenSet } from "../oauth/token_set.ts";
import type { UserCodeClient } from "../oauth/user_code.ts";
import { type EndpointOverrides, resolveEndpoints } from "../providers/endpoints.ts";
import type {
  AccountIdentity,
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

/** The discovery of one region's authorization server. */
export function createProviderDiscovery(
  provider: Provider,
  region: Region,
  overrides: EndpointOverrides,
): Discovery {
  const { issuer } = requireKind(provider, "oidc");
  const endpoints = resolveEndpoints(provider, region, overrides);
  return createDiscovery({
    issuer: endpoints.issuer ?? issuer,
    trustedHosts: endpoints.oauthHosts,
    name: provider.shortName,
  });
}

/** A client whose hosts are known. */
export type OidcClient = OAuthClient & { trustedHosts: TrustedHosts };

/** The client with that id at a discovered authorization server. */
export function createOidcClient(
  provider: Provider,
  region: Region,
  { tokenEndpoint }: Pick<AuthorizationServer, "tokenEndpoint">,
  clientId: string,
  overrides: EndpointOverrides,
): OidcClient {
  const { entitlement } = requireKind(provider, "oidc");
  return {
    clientId,
    name: provider.shortName,
    tokenEndpoint,
    trustedHosts: resolveEndpoints(provider, region, overrides).oauthHosts,
    entitlement,
  };
}

/** The longest URL that is shown, opened or stored. */
export const MAX_URL_LENGTH = 2048;

/** Whether a browser may be opened on a page that the server named. */
export function isOpenable(url: string, trusted: TrustedHosts): boolean {
  return url.length <= MAX_URL_LENGTH && URL.canParse(url) && isTrustedUrl(new URL(url), trusted);
}

/**
 * Refuses tokens that are no bearers.
 *
 * @throws {OAuthError} `invalid_response`
 */
export function requireBearer(provider: Provider, { tokenType }: TokenSet): void {
  if (isBearerType(tokenType)) return;
  throw new OAuthError(
    "invalid_response",
    `Cannot sign in to ${provider.shortName}: its tokens are of type ${
      displayText(tokenType, 20)
    }, not Bearer`,
  );
}

const MAX_ACCOUNT_ID_LENGTH = 200;
const MAX_ACCOUNT_LABEL_LENGTH = 64;

/**
 * Whose tokens these are, where the server says; printable.
 *
 * @param verified The id token's claims, where they were verified. Without them its own word counts.
 */
export function readAccount(
  oauth: OAuthSettings,
  { accessToken, extra }: TokenSet,
  verified?: JsonObject,
): AccountIdentity | undefined {
  if (oauth.kind !== "oidc") return undefined;
  const unverified = extra["id_token"];
  const account = oauth.readAccount({
    idToken: verified ??
      (typeof unverified === "string" ? readJwtClaims(unverified) : undefined),
    accessToken: readJwtClaims(accessToken),
  });
  return account && {
    id: displayText(account.id, MAX_ACCOUNT_ID_LENGTH),
    label: displayText(account.label, MAX_ACCOUNT_LABEL_LENGTH),
  };
}
