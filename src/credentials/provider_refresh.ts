/**
 * How a stored login is refreshed at its provider.
 *
 * @module
 */

import { CredentialError, GrantwayError, OAuthError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import type { AuthorizationServer, Discovery } from "../oauth/discovery.ts";
import { type RefreshOutcome, requestRefresh } from "../oauth/refresh_token.ts";
import { type EndpointOverrides, findRegion } from "../providers/endpoints.ts";
import type { Provider, Region } from "../providers/provider.ts";
import type { Credential } from "./credential.ts";
import type { KvStore } from "./kv_store.ts";
import { setAside } from "./misdelivery.ts";
import {
  createOidcClient,
  createProviderDiscovery,
  createUserCodeClient,
  readAccount,
  requireOAuth,
  requireProfile,
} from "./provider_client.ts";

/**
 * Options of {@linkcode createProviderRefresh}. A `signal` has no place here: what interrupts the
 * program must not interrupt a refresh that was sent.
 */
export interface ProviderRefreshOptions extends Omit<RuntimeOptions, "signal"> {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
  /** Where an answer for another account is kept aside. Default: nowhere. */
  store?: KvStore | undefined;
  /** Told what does not fail a refresh, but should be known. Default: nobody. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Presents a refresh token of one region, whose login has all that it takes. */
type Present = (
  credential: Credential,
  region: Region,
  refreshToken: string,
  runtime: RuntimeOptions,
) => Promise<RefreshOutcome>;

/**
 * Creates the function that presents a credential's refresh token once, as
 * {@linkcode requestRefresh} does.
 *
 * The request goes to the token endpoint of the region that the login was made in, under the client
 * id that it was made with. The URL comes from the provider's tables, where it has endpoints
 * profiles under the one that the login was made with; or from what its issuer publishes, which is
 * held against the provider's hosts each time. It never comes from what is stored.
 *
 * The function rejects with a {@linkcode CredentialError} `login_required` for a credential without
 * refresh token, with `invalid_configuration` for a region or profile that is unknown, and with the
 * signal's reason when it had aborted before anything was sent.
 *
 * An answer whose tokens are another account's than the credential's is not granted: it is
 * `ambiguous`.
 */
export function createProviderRefresh(
  provider: Provider,
  options: ProviderRefreshOptions = {},
): (credential: Credential, signal?: AbortSignal) => Promise<RefreshOutcome> {
  const { fetch, now, sleep, startTimer, overrides = {}, store, onWarning } = options;
  const oauth = requireOAuth(provider);
  const present = oauth.kind === "oidc"
    ? presentAtDiscovered(provider, oauth.clientId, overrides)
    : presentAtKnown(provider, oauth.clientId, oauth.profiles[0]!.id, overrides);
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
    const runtime = { fetch, now, sleep, startTimer, signal };
    const outcome = await present(credential, region, refreshToken, runtime);
    if (outcome.kind !== "granted") return outcome;
    const account = readAccount(oauth, outcome.tokenSet);
    const isOurs = account === undefined || credential.account === undefined ||
      account.id === credential.account.id;
    if (isOurs) return outcome;
    const misdelivered = await setAside(store, credential, outcome.tokenSet, account, {
      name: provider.shortName,
      now: resolveRuntime(runtime).now(),
    });
    onWarning?.(misdelivered.error.message);
    return misdelivered;
  };
}

function presentAtKnown(
  provider: Provider,
  defaultClientId: string,
  defaultProfile: string,
  overrides: EndpointOverrides,
): Present {
  return (credential, region, refreshToken, runtime) => {
    const { endpointsProfile = defaultProfile, clientId = defaultClientId } = credential;
    const profile = requireProfile(provider, endpointsProfile);
    const client = createUserCodeClient(provider, region, profile, clientId, overrides);
    return requestRefresh(client, refreshToken, runtime);
  };
}

function presentAtDiscovered(
  provider: Provider,
  defaultClientId: string,
  overrides: EndpointOverrides,
): Present {
  const discoveries = new Map<string, Discovery>();
  return async (credential, region, refreshToken, runtime) => {
    runtime.signal?.throwIfAborted();
    let discovery = discoveries.get(region.id);
    if (discovery === undefined) {
      discovery = createProviderDiscovery(provider, region, overrides);
      discoveries.set(region.id, discovery);
    }
    const { clientId = defaultClientId } = credential;
    const refreshAt = (server: AuthorizationServer) => {
      const client = createOidcClient(provider, region, server, clientId, overrides);
      return requestRefresh(client, refreshToken, runtime);
    };
    let server: AuthorizationServer;
    try {
      server = await discovery.get(runtime);
    } catch (error) {
      return { kind: "not_sent", error: asNotSent(error, provider) };
    }
    const outcome = await refreshAt(server);
    if (!isGone(outcome)) return outcome;
    const renewed = await discovery.get({ ...runtime, renew: true }).catch(() => server);
    return renewed.tokenEndpoint.href === server.tokenEndpoint.href
      ? outcome
      : await refreshAt(renewed);
  };
}

/**
 * Whether the endpoint itself is gone: nobody looked at the token there. Retired ones were seen to
 * answer with a page under 403.
 */
function isGone(outcome: RefreshOutcome): boolean {
  return outcome.kind === "ambiguous" &&
    (outcome.error.status === 404 || outcome.error.status === 403);
}

function asNotSent(error: unknown, provider: Provider): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof GrantwayError) throw error;
  const state = "its authorization server was not found in time";
  return new OAuthError("network", `Cannot refresh ${provider.shortName}: ${state}`, {
    cause: error,
    retryable: true,
  });
}
