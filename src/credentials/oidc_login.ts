/**
 * Signing in at an OpenID provider: discovery, then the device flow or the loopback flow.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { OidcFlow, Provider, Region } from "../providers/provider.ts";
import { grantByDevice } from "./device_login.ts";
import type { LoginGrant, LoginOptions } from "./login_options.ts";
import { grantByLoopback } from "./loopback_login.ts";
import {
  FlowUnavailable,
  type OidcGrant,
  type OidcLogin,
  openOidcLogin,
  toLoginGrant,
} from "./oidc_flow.ts";

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
  const { flow = "auto" } = options;
  const login = await openOidcLogin(provider, region, options);
  return toLoginGrant(login, await runFlows(login, flow === "auto" ? login.oauth.flows : [flow]));
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
