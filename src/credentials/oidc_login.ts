/**
 * Signing in at an OpenID provider: discovery, then the device flow or the loopback flow.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime } from "../core/runtime.ts";
import { awaitDeviceGrant, requestDeviceAuthorization } from "../oauth/device_authorization.ts";
import { findUpstream } from "../providers/endpoints.ts";
import { withOAuthParameters } from "../providers/oauth_parameters.ts";
import type { OidcFlow, Provider, Region } from "../providers/provider.ts";
import type { LoginGrant, LoginOptions } from "./login_options.ts";
import { grantByLoopback } from "./loopback_login.ts";
import { FlowUnavailable, type OidcGrant, type OidcLogin } from "./oidc_flow.ts";
import {
  createOidcClient,
  createProviderDiscovery,
  isOpenable,
  readAccount,
  requireBearer,
  requireKind,
} from "./provider_client.ts";

const FLOWS: Readonly<Record<OidcFlow, (login: OidcLogin) => Promise<OidcGrant>>> = {
  device: grantByDevice,
  loopback: grantByLoopback,
};

/**
 * Signs in at the provider's issuer; see {@linkcode login}.
 *
 * @throws {OAuthError} `unsupported` when no flow that is wanted can be had, or as the flow says.
 */
export async function loginWithOidc(
  provider: Provider,
  region: Region,
  options: LoginOptions,
): Promise<LoginGrant> {
  const { flow = "auto", overrides = {}, oauthParameters = {} } = options;
  const oauth = withOAuthParameters(requireKind(provider, "oidc"), oauthParameters);
  const runtime = resolveRuntime(options);
  const clientId = overrides.clientId ?? oauth.clientId;
  const upstream = findUpstream(provider, overrides.upstream);
  const server = await createProviderDiscovery(provider, region, overrides).get(runtime);
  const login: OidcLogin = {
    provider,
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
  const grant = await runFlows(login, flow === "auto" ? oauth.flows : [flow]);
  const { tokenSet } = grant;
  requireBearer(provider, tokenSet);
  if (tokenSet.refreshToken === undefined) {
    throw new OAuthError("invalid_response", `${login.action}: the server gave no refresh token`, {
      hint: "The scope offline_access was refused: sign in again, and allow all that is asked for",
    });
  }
  return {
    provider: provider.id,
    region: region.id,
    tokenSet,
    issuedAt: grant.issuedAt,
    clientId,
    upstream: overrides.upstream,
    account: readAccount(oauth, tokenSet, grant.idToken),
  };
}

/** The first flow that can be had decides, however it ends. */
async function runFlows(login: OidcLogin, flows: readonly OidcFlow[]): Promise<OidcGrant> {
  const reasons: string[] = [];
  for (const flow of flows) {
    try {
      return await FLOWS[flow](login);
    } catch (error) {
      if (!(error instanceof FlowUnavailable)) throw error;
      reasons.push(error.message);
    }
  }
  throw new OAuthError("unsupported", `${login.action}: ${reasons.join(", and ")}`);
}

async function grantByDevice(
  { oauth, server, client, options, runtime, action }: OidcLogin,
): Promise<OidcGrant> {
  const { deviceAuthorizationEndpoint } = server;
  if (deviceAuthorizationEndpoint === undefined) throw noDeviceFlow();
  const authorization = await requestDeviceAuthorization(
    { ...client, deviceAuthorizationEndpoint },
    runtime,
  ).catch((error) => {
    const isGone = error instanceof OAuthError && (error.status === 404 || error.status === 405);
    throw isGone ? noDeviceFlow() : error;
  });
  const { userCode, verificationUri, verificationUriComplete, expiresAt } = authorization;
  const verificationUrl = verificationUriComplete ??
    oauth.completeVerificationUrl(verificationUri, userCode);
  if (!isOpenable(verificationUrl, client.trustedHosts)) {
    throw new OAuthError(
      "invalid_response",
      `${action}: the page to approve it on (${
        displayText(new URL(verificationUrl).origin, 100)
      }) is not on a host of the provider's`,
    );
  }
  options.onEvent?.({
    type: "code",
    userCode,
    verificationUrl,
    isOpenable: true,
    expiresAt,
    intervalMs: authorization.intervalMs,
  });
  const tokenSet = await awaitDeviceGrant(client, authorization, runtime);
  return { tokenSet, issuedAt: runtime.now() };
}

function noDeviceFlow(): FlowUnavailable {
  return new FlowUnavailable("the server offers no device flow");
}
