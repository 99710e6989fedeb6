/**
 * What the flows of a login at an OpenID provider share: what they work with, and what they give.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import { resolveRuntime, type Runtime } from "../core/runtime.ts";
import type { AuthorizationServer, Discovery } from "../oauth/discovery.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import { findUpstream } from "../providers/endpoints.ts";
import { withOAuthParameters } from "../providers/oauth_parameters.ts";
import type { OidcSettings, Provider, Region } from "../providers/provider.ts";
import type { LoginGrant, LoginOptions } from "./login_options.ts";
import {
  createOidcClient,
  createProviderDiscovery,
  type OidcClient,
  readAccount,
  requireBearer,
  requireKind,
} from "./provider_client.ts";

/** What one login works with. */
export interface OidcLogin {
  /** Whose. */
  provider: Provider;
  /** Where. */
  region: Region;
  /** How it signs in. */
  oauth: OidcSettings;
  /** What was discovered. */
  server: AuthorizationServer;
  /** The client there. */
  client: OidcClient & { scopes: readonly string[] };
  /** The caller's. */
  options: LoginOptions;
  /** Its clock, wait and `fetch`. */
  runtime: Runtime;
  /** How messages start. */
  action: string;
}

/** What a flow gave: tokens, and the id token's claims where they were verified. */
export interface OidcGrant {
  /** The tokens. Secret. */
  tokenSet: TokenSet;
  /** When they came, ms since the epoch. */
  issuedAt: number;
  /** Verified claims. */
  idToken?: JsonObject | undefined;
}

/** The server does not offer a flow, or this program cannot do it. The message says why. */
export class FlowUnavailable extends Error {}

/**
 * Discovers the server, and puts together what a login there works with.
 *
 * @param discovery Whoever signs in by several calls has one for all.
 */
export async function openOidcLogin(
  provider: Provider,
  region: Region,
  options: LoginOptions,
  discovery?: Discovery,
): Promise<OidcLogin> {
  const { overrides = {}, oauthParameters = {} } = options;
  const oauth = withOAuthParameters(requireKind(provider, "oidc"), oauthParameters);
  const runtime = resolveRuntime(options);
  const clientId = overrides.clientId ?? oauth.clientId;
  const upstream = findUpstream(provider, overrides.upstream);
  const server = await (discovery ?? createProviderDiscovery(provider, region, overrides))
    .get(runtime);
  return {
    provider,
    region,
    oauth,
    server,
    client: {
      ...createOidcClient(provider, region, server, clientId, overrides),
      scopes: oauthParameters.scopes ?? [...oauth.scopes, ...upstream?.scopes ?? []],
    },
    options,
    runtime,
    action: `Cannot sign in to ${provider.shortName}`,
  };
}

/**
 * What a login gave, checked.
 *
 * @throws {OAuthError} `invalid_response` for tokens that are no bearers, or cannot be refreshed.
 */
export function toLoginGrant(login: OidcLogin, grant: OidcGrant): LoginGrant {
  const { provider, region, oauth, client, options, action } = login;
  const { tokenSet } = grant;
  requireBearer(provider, tokenSet);
  if (tokenSet.refreshToken === undefined) {
    throw new OAuthError("invalid_response", `${action}: the server gave no refresh token`, {
      hint: "The scope offline_access was refused: sign in again, and allow all that is asked for",
    });
  }
  return {
    provider: provider.id,
    region: region.id,
    tokenSet,
    issuedAt: grant.issuedAt,
    clientId: client.clientId,
    upstream: options.overrides?.upstream,
    account: readAccount(oauth, tokenSet, grant.idToken),
  };
}
