/**
 * Revoking a login at its provider, when it is given up here.
 *
 * @module
 */

import { GrantwayError, OAuthError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import { revokeToken } from "../oauth/revocation.ts";
import { type EndpointOverrides, findRegion } from "../providers/endpoints.ts";
import type { Provider } from "../providers/provider.ts";
import type { Credential } from "./credential.ts";
import { createOidcClient, createProviderDiscovery } from "./provider_client.ts";

/** What became of a revocation. */
export type RevocationOutcome =
  /** The server has ended the login. */
  | { kind: "revoked" }
  /** There is nothing to revoke, or the provider offers no way; the tokens end by themselves. */
  | { kind: "unsupported" }
  /** The server may still hold the login. */
  | { kind: "failed"; error: GrantwayError };

/** Options of {@linkcode revokeCredential}. */
export interface RevokeOptions extends RuntimeOptions {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
}

/**
 * Tells the provider that a login is given up, where it offers that. Best effort: a logout must not
 * fail for it. To be called with the credential as it was last, after it was removed: then no refresh
 * is under way any more.
 *
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function revokeCredential(
  provider: Provider,
  credential: Pick<Credential, "source" | "region" | "tokens" | "clientId">,
  { overrides = {}, ...runtime }: RevokeOptions = {},
): Promise<RevocationOutcome> {
  const { oauth } = provider;
  const region = findRegion(provider, credential.region);
  // With the refresh token its access tokens end as well (RFC 7009 2.1).
  const token = credential.tokens?.refreshToken || credential.tokens?.accessToken;
  if (
    credential.source !== "login" || oauth?.kind !== "oidc" || region === undefined || !token
  ) return { kind: "unsupported" };
  try {
    const server = await createProviderDiscovery(provider, region, overrides).get(runtime);
    const { revocationEndpoint } = server;
    if (revocationEndpoint === undefined) return { kind: "unsupported" };
    const { clientId = oauth.clientId } = credential;
    const client = createOidcClient(provider, region, server, clientId, overrides);
    await revokeToken({ ...client, revocationEndpoint }, {
      token,
      tokenTypeHint: credential.tokens?.refreshToken ? "refresh_token" : "access_token",
    }, runtime);
    return { kind: "revoked" };
  } catch (error) {
    runtime.signal?.throwIfAborted();
    if (error instanceof GrantwayError) return { kind: "failed", error };
    const message = `Cannot revoke the login to ${provider.shortName}: unexpected failure`;
    return { kind: "failed", error: new OAuthError("network", message, { cause: error }) };
  }
}
