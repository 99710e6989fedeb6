/**
 * Signing in: runs the grant that a provider asks for.
 *
 * It prints nothing and opens no browser. What the user must see comes as events, and none of them
 * carries a secret.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { Provider, Region } from "../providers/provider.ts";
import type { LoginGrant, LoginOptions } from "./login_options.ts";
import { loginWithOidc } from "./oidc_login.ts";
import { requireOAuth } from "./provider_client.ts";
import { loginWithUserCode } from "./user_code_login.ts";

/**
 * Signs in to a provider, with the grant that its settings name.
 *
 * @example Usage
 * ```ts ignore
 * const grant = await login(provider, region, {
 *   onEvent: (event) => event.type === "code" && console.log(event.verificationUrl, event.userCode),
 * });
 * await storeLogin(createCredentialStore(store, lease), grant, { owner });
 * ```
 * @throws {OAuthError} `access_denied`, `expired_token`, `timeout`, `not_entitled`, `unsupported` when
 * the flow cannot be had, `invalid_client`, `invalid_response`, `network`, or what else the server
 * said.
 * @throws {GrantwayError} `invalid_configuration` when an override is not allowed.
 * @throws {TypeError} When the provider has no login.
 * @throws The signal's reason, unchanged, when the caller cancels. Nothing is left behind then.
 */
export async function login(
  provider: Provider,
  region: Region,
  options: LoginOptions = {},
): Promise<LoginGrant> {
  switch (requireOAuth(provider).kind) {
    case "oidc":
      return await loginWithOidc(provider, region, options);
    case "user_code":
      if (options.flow === "loopback") {
        throw new OAuthError(
          "unsupported",
          `Cannot sign in to ${provider.shortName}: it has no loopback flow`,
          { hint: "It signs in with a code, which needs no port: leave the flow out" },
        );
      }
      return await loginWithUserCode(provider, region, options);
  }
}
