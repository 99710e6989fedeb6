/**
 * The device flow of a login at an OpenID provider.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import {
  awaitDeviceGrant,
  type DeviceAuthorization,
  requestDeviceAuthorization,
} from "../oauth/device_authorization.ts";
import type { LoginEvent } from "./login_options.ts";
import { FlowUnavailable, type OidcGrant, type OidcLogin } from "./oidc_flow.ts";
import { isOpenable } from "./provider_client.ts";

/** A device code that was asked for. */
export interface DeviceLogin {
  /** What the server said, and what it is polled with. Secret. */
  authorization: DeviceAuthorization;
  /** What the user is shown. */
  event: LoginEvent & { type: "code" };
}

/**
 * Asks for a device code.
 *
 * @throws {FlowUnavailable} When the server has no device flow.
 * @throws {OAuthError} `invalid_response` where the page to approve it on is not the provider's, or
 * like {@linkcode requestDeviceAuthorization}.
 */
export async function requestDeviceLogin(
  { oauth, server, client, runtime, action }: OidcLogin,
): Promise<DeviceLogin> {
  const { deviceAuthorizationEndpoint } = server;
  if (deviceAuthorizationEndpoint === undefined) throw noDeviceFlow();
  const authorization = await requestDeviceAuthorization(
    { ...client, deviceAuthorizationEndpoint },
    runtime,
  ).catch((error) => {
    const isGone = error instanceof OAuthError && (error.status === 404 || error.status === 405);
    throw isGone ? noDeviceFlow() : error;
  });
  const { userCode, verificationUri, verificationUriComplete } = authorization;
  const { expiresAt, intervalMs } = authorization;
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
  return {
    authorization,
    event: { type: "code", userCode, verificationUrl, isOpenable: true, expiresAt, intervalMs },
  };
}

/** Signs in by the device flow. */
export async function grantByDevice(login: OidcLogin): Promise<OidcGrant> {
  const { client, options, runtime } = login;
  const { authorization, event } = await requestDeviceLogin(login);
  options.onEvent?.(event);
  const tokenSet = await awaitDeviceGrant(client, authorization, runtime);
  return { tokenSet, issuedAt: runtime.now() };
}

function noDeviceFlow(): FlowUnavailable {
  return new FlowUnavailable("the server offers no device flow");
}
