/**
 * Signing in: runs the grant that a provider asks for, and stores what it gives.
 *
 * It prints nothing and opens no browser. What the user must see comes as events, and none of them
 * carries a secret.
 *
 * @module
 */

import { CredentialError, OAuthError } from "../core/errors.ts";
import { isTrustedUrl, type TrustedHosts } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { createState, createVerifier } from "../oauth/pkce.ts";
import { isBearerType, type TokenSet } from "../oauth/token_set.ts";
import { awaitUserCodeGrant, requestUserCode } from "../oauth/user_code.ts";
import type { EndpointOverrides } from "../providers/endpoints.ts";
import type { OAuthEndpointsProfile, Provider, Region } from "../providers/provider.ts";
import type { Credential, CredentialOwner } from "./credential.ts";
import { type CredentialStore, newCredentialId } from "./credential_store.ts";
import { createUserCodeClient, requireKind, requireProfile } from "./provider_client.ts";
import { DEFAULT_LIFETIME_MS } from "./refresh_timing.ts";

/** What the user should see during a login. */
export type LoginEvent =
  /** A code to approve. A second one replaces the first: it was asked for under another profile. */
  | {
    type: "code";
    /** What the page shows or asks for: letters, digits, `-`, `_`, `.`. */
    userCode: string;
    /** The page: an http(s) URL in ASCII. */
    verificationUrl: string;
    /** Whether a browser may be opened there: https on the vendor's hosts, or the sandbox. */
    isOpenable: boolean;
    /** When the code runs out, ms since the epoch. */
    expiresAt: number;
    /** How often is polled, ms. */
    intervalMs: number;
  }
  /** A word of the provider's, to be shown once; printable. */
  | { type: "notification"; message: string };

/** Options of {@linkcode loginWithUserCode}. */
export interface LoginOptions extends RuntimeOptions {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
  /** Told what the user should see. */
  onEvent?: ((event: LoginEvent) => void) | undefined;
}

/** What a login gave. */
export interface LoginGrant {
  /** Provider id. */
  provider: string;
  /** Region id. */
  region: string;
  /** The tokens. Secret. Without a refresh token, the login ends with its access token. */
  tokenSet: TokenSet;
  /** When they were issued, ms since the epoch. */
  issuedAt: number;
  /** Client id it was minted with. */
  clientId: string;
  /** Name of the endpoints profile that worked. */
  endpointsProfile: string;
  /** API base that the server chose, as it wrote it; to be checked on every use. */
  resourceUrl?: string | undefined;
}

const MAX_URL_LENGTH = 2048;
const MAX_NOTIFICATION_LENGTH = 500;

/**
 * Signs in with a user code that is approved in a browser, on this machine or any other.
 *
 * The provider's endpoints profiles are tried in their order: the next one where the server knows no
 * such path (404, 405) or no such client. A profile that `overrides` names is the only one tried.
 *
 * @example Usage
 * ```ts ignore
 * const grant = await loginWithUserCode(provider, region, {
 *   onEvent: (event) => event.type === "code" && console.log(event.verificationUrl, event.userCode),
 * });
 * await storeLogin(createCredentialStore(store, lease), grant, { owner });
 * ```
 * @throws {OAuthError} `access_denied`, `expired_token`, `state_mismatch`, `invalid_client`,
 * `invalid_response`, `network`, `timeout`, or what else the server said.
 * @throws {GrantwayError} `invalid_configuration` when an override is not allowed.
 * @throws The signal's reason, unchanged, when the caller cancels. Nothing is left behind then.
 */
export async function loginWithUserCode(
  provider: Provider,
  region: Region,
  options: LoginOptions = {},
): Promise<LoginGrant> {
  const { overrides = {} } = options;
  const profiles = overrides.profile === undefined
    ? requireKind(provider, "user_code").profiles
    : [requireProfile(provider, overrides.profile)];
  const failures: OAuthError[] = [];
  for (const profile of profiles) {
    try {
      return await loginUnder(profile, provider, region, options);
    } catch (error) {
      if (!isWrongProfile(error)) throw error;
      failures.push(error);
    }
  }
  // A server that answers as OAuth does says more than a path that is not there.
  throw failures.find(({ code }) => code === "invalid_client") ?? failures[0];
}

function isWrongProfile(error: unknown): error is OAuthError {
  return error instanceof OAuthError &&
    (error.status === 404 || error.status === 405 || error.code === "invalid_client");
}

async function loginUnder(
  profile: OAuthEndpointsProfile,
  provider: Provider,
  region: Region,
  options: LoginOptions,
): Promise<LoginGrant> {
  const { overrides = {}, onEvent = () => {} } = options;
  const runtime = resolveRuntime(options);
  const oauth = requireKind(provider, "user_code");
  const clientId = overrides.clientId ?? oauth.clientId;
  const client = createUserCodeClient(provider, region, profile, clientId, overrides);
  const verifier = createVerifier();

  const verification = await requestUserCode(client, { verifier, state: createState() }, runtime);
  const verificationUrl = oauth.repairVerificationUrl(
    verification.verificationUriComplete ?? verification.verificationUri,
  );
  onEvent({
    type: "code",
    userCode: verification.userCode,
    verificationUrl,
    isOpenable: isOpenable(verificationUrl, client.trustedHosts!),
    expiresAt: verification.expiresAt,
    intervalMs: verification.intervalMs,
  });

  const tokenSet = await awaitUserCodeGrant(client, { ...verification, verifier }, runtime);
  const issuedAt = runtime.now();
  if (!isBearerType(tokenSet.tokenType)) {
    throw new OAuthError(
      "invalid_response",
      `Cannot sign in to ${provider.shortName}: its tokens are of type ${
        displayText(tokenSet.tokenType, 20)
      }, not Bearer`,
    );
  }
  const { notification_message: notification, resource_url: resourceUrl } = tokenSet.extra;
  const message = typeof notification === "string"
    ? displayText(notification, MAX_NOTIFICATION_LENGTH)
    : "";
  if (message !== "") onEvent({ type: "notification", message });
  return {
    provider: provider.id,
    region: region.id,
    tokenSet,
    issuedAt,
    clientId,
    endpointsProfile: profile.id,
    resourceUrl: typeof resourceUrl === "string" && resourceUrl.length <= MAX_URL_LENGTH
      ? resourceUrl
      : undefined,
  };
}

/** Whether a browser may be opened on a page that the server named. */
function isOpenable(url: string, trusted: TrustedHosts): boolean {
  return url.length <= MAX_URL_LENGTH && URL.canParse(url) && isTrustedUrl(new URL(url), trusted);
}

/** Options of {@linkcode storeLogin}. */
export interface StoreLoginOptions {
  /** The user's name for the login. Default: the replaced one's, else `<provider>-<n>`. */
  label?: string | undefined;
  /** Where and when the login was made. */
  owner: CredentialOwner;
}

/** What became of a login in the store. */
export interface StoredLogin {
  /** As it is stored now. */
  credential: Credential;
  /** Whether it took the place of an earlier one. */
  isReplacement: boolean;
}

/**
 * Stores a login: in place of a login of the same provider and region that has the same label or
 * that needs a new login, else beside what there is. No other credential is touched.
 *
 * A replacement waits for a refresh in flight of what it replaces, and looks at it again then: if a
 * sibling has meanwhile signed in there, the login goes elsewhere.
 *
 * @throws {CredentialError} `storage_…`, `lease_timeout`.
 */
export async function storeLogin(
  store: CredentialStore,
  grant: LoginGrant,
  options: StoreLoginOptions,
): Promise<StoredLogin> {
  const hasLabel = (stored: Credential) => stored.label === options.label;
  for (;;) {
    const stored = await store.list(grant.provider);
    const replaceable = stored.filter((other) => isReplaceable(other, grant, options.label));
    const target = replaceable.find(hasLabel) ?? replaceable[0];
    if (target === undefined) {
      const credential: Credential = {
        ...grantFields(grant, options.owner),
        id: newCredentialId(),
        label: options.label ?? freeLabel(grant.provider, stored),
        generation: 1,
        createdAt: grant.issuedAt,
      };
      await store.put(credential);
      return { credential, isReplacement: false };
    }
    try {
      const credential = await store.update(grant.provider, target.id, (current) => {
        if (!isReplaceable(current, grant, options.label)) throw new Taken();
        return {
          ...grantFields(grant, options.owner),
          id: current.id,
          label: options.label ?? current.label,
          generation: current.generation + 1,
          createdAt: current.createdAt,
        };
      });
      return { credential, isReplacement: true };
    } catch (error) {
      const isRemoved = error instanceof CredentialError && error.code === "login_required";
      if (!isRemoved && !(error instanceof Taken)) throw error;
    }
  }
}

/** What was to be replaced is in use again. */
class Taken extends Error {}

function isReplaceable(stored: Credential, grant: LoginGrant, label: string | undefined): boolean {
  if (stored.source !== "login" || stored.region !== grant.region) return false;
  const isSpent = stored.tokens === null ||
    (!stored.tokens.refreshToken && (stored.expiresAt ?? Infinity) <= grant.issuedAt);
  return stored.label === label || stored.status === "dead" || isSpent;
}

function grantFields(
  grant: LoginGrant,
  owner: CredentialOwner,
): Omit<Credential, "id" | "label" | "generation" | "createdAt"> {
  const { tokenSet, issuedAt } = grant;
  const { expiresAt = 0 } = tokenSet;
  return {
    provider: grant.provider,
    region: grant.region,
    source: "login",
    status: "active",
    tokens: {
      accessToken: tokenSet.accessToken,
      refreshToken: tokenSet.refreshToken,
      tokenType: tokenSet.tokenType,
      scope: tokenSet.scope,
      expiryRaw: tokenSet.expiryRaw,
    },
    // Nobody mints a token that has expired: such an instant is a wrong clock's, and says nothing.
    expiresAt: expiresAt > issuedAt ? expiresAt : issuedAt + DEFAULT_LIFETIME_MS,
    issuedAt,
    clientId: grant.clientId,
    endpointsProfile: grant.endpointsProfile,
    resourceUrl: grant.resourceUrl,
    owner,
  };
}

/** The first of `<provider>-1`, `<provider>-2`, … that no credential has. */
function freeLabel(provider: string, stored: readonly Credential[]): string {
  for (let n = 1;; n++) {
    const label = `${provider}-${n}`;
    if (stored.every((other) => other.label !== label)) return label;
  }
}
