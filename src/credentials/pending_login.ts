/**
 * Signing in with a code, step by step: for a program that cannot wait in one place, such as one that
 * is ended between two requests.
 *
 * What is known between two steps is a {@linkcode PendingLogin}: plain JSON, and secret, for it holds
 * what is polled with. The grants are those of {@linkcode login}.
 *
 * @module
 */

import { GrantwayError, OAuthError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { pollDeviceGrant } from "../oauth/device_authorization.ts";
import type { Discovery } from "../oauth/discovery.ts";
import { paceAfter, type PollPace, type PollResult } from "../oauth/polling.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import { pollUserCodeGrant } from "../oauth/user_code.ts";
import type { EndpointOverrides } from "../providers/endpoints.ts";
import type { Provider, Region } from "../providers/provider.ts";
import { requestDeviceLogin } from "./device_login.ts";
import type { LoginEvent, LoginGrant } from "./login_options.ts";
import { FlowUnavailable, type OidcLogin, openOidcLogin, toLoginGrant } from "./oidc_flow.ts";
import { createProviderDiscovery, requireBearer, requireOAuth } from "./provider_client.ts";
import {
  isWrongProfile,
  profilesToTry,
  readNotification,
  readResourceUrl,
  requestLoginCode,
  userCodeClient,
} from "./user_code_login.ts";

/** A login between two steps. */
export interface PendingLogin extends PollPace {
  /** What the user is shown. */
  shown: LoginEvent & { type: "code" };
  /** The device code, or the verifier of the user code. Secret. */
  proof: string;
  /** The endpoints profile that the code is from, where there are several. */
  profile?: string | undefined;
  /** Whether it was polled at all: a first poll is made even of a code that seems to have run out. */
  isPolled: boolean;
}

/** What one step led to. */
export type LoginStep =
  /** The user has not answered yet; `pending.shown` may be another code than before. */
  | { kind: "pending"; pending: PendingLogin }
  /** The user agreed. */
  | { kind: "granted"; grant: LoginGrant; notification?: string | undefined }
  /** It has ended. */
  | { kind: "failed"; error: GrantwayError };

/** Options of {@linkcode createLoginSteps}. */
export interface LoginStepsOptions extends RuntimeOptions {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
}

/** The steps of a login. */
export interface LoginSteps {
  /**
   * Asks for a code.
   *
   * @throws {OAuthError} Like {@linkcode login}: `unsupported` when the server has no such flow.
   */
  begin(): Promise<PendingLogin>;
  /** Asks once whether the user has answered; to be called `waitMs` after the step before. */
  poll(pending: PendingLogin): Promise<LoginStep>;
}

/**
 * Creates the steps of a login.
 *
 * @throws {TypeError} When the provider has no login.
 */
export function createLoginSteps(
  provider: Provider,
  region: Region,
  options: LoginStepsOptions = {},
): LoginSteps {
  return requireOAuth(provider).kind === "oidc"
    ? createDeviceSteps(provider, region, options)
    : createUserCodeSteps(provider, region, options);
}

function createDeviceSteps(
  provider: Provider,
  region: Region,
  options: LoginStepsOptions,
): LoginSteps {
  const { now } = resolveRuntime(options);
  let discovery: Discovery | undefined;
  const open = (): Promise<OidcLogin> =>
    openOidcLogin(
      provider,
      region,
      options,
      discovery ??= createProviderDiscovery(provider, region, options.overrides ?? {}),
    );
  return {
    begin: async () => {
      const login = await open();
      const { authorization, event } = await requestDeviceLogin(login).catch((error) => {
        if (!(error instanceof FlowUnavailable)) throw error;
        throw new OAuthError("unsupported", `${login.action}: ${error.message}`);
      });
      return firstPending(event, authorization.deviceCode);
    },
    poll: async (pending) => {
      if (hasRunOut(pending, now())) return runOut(provider);
      let login: OidcLogin;
      try {
        login = await open();
      } catch (error) {
        if (!(error instanceof OAuthError)) return failedBy(error);
        // Where its endpoints are will be known again.
        return later(pending, { kind: "transient", error });
      }
      const result = await pollDeviceGrant(
        login.client,
        { deviceCode: pending.proof },
        login.runtime,
      );
      return judge(pending, result, (tokenSet) => {
        const issuedAt = now();
        return { kind: "granted", grant: toLoginGrant(login, { tokenSet, issuedAt }) };
      });
    },
  };
}

function createUserCodeSteps(
  provider: Provider,
  region: Region,
  options: LoginStepsOptions,
): LoginSteps {
  const { overrides = {} } = options;
  const runtime = resolveRuntime(options);
  const profiles = profilesToTry(provider, overrides);

  /** A code under the first profile, from `first` on, that the server knows. */
  async function beginUnder(first: number, failures: OAuthError[] = []): Promise<PendingLogin> {
    for (const profile of profiles.slice(first)) {
      const client = userCodeClient(profile, provider, region, overrides);
      try {
        const { verifier, event } = await requestLoginCode(client, provider, runtime);
        return { ...firstPending(event, verifier), profile: profile.id };
      } catch (error) {
        if (!isWrongProfile(error)) throw error;
        failures.push(error);
      }
    }
    // A server that answers as OAuth does says more than a path that is not there.
    throw failures.find(({ code }) => code === "invalid_client") ?? failures[0];
  }

  return {
    begin: () => beginUnder(0),
    poll: async (pending) => {
      if (hasRunOut(pending, runtime.now())) return runOut(provider);
      const index = profiles.findIndex(({ id }) => id === pending.profile);
      if (index === -1) {
        const state = "its endpoints profile is not the one that is set now";
        const message = `Cannot sign in to ${provider.shortName}: ${state}`;
        return { kind: "failed", error: new OAuthError("invalid_configuration", message) };
      }
      const client = userCodeClient(profiles[index]!, provider, region, overrides);
      const { userCode } = pending.shown;
      const result = await pollUserCodeGrant(
        client,
        { userCode, verifier: pending.proof },
        runtime,
      );
      if (result.kind === "refused" && isWrongProfile(result.error)) {
        try {
          return { kind: "pending", pending: await beginUnder(index + 1, [result.error]) };
        } catch (error) {
          return failedBy(error);
        }
      }
      return judge(pending, result, (tokenSet) => {
        const issuedAt = runtime.now();
        requireBearer(provider, tokenSet);
        return {
          kind: "granted",
          grant: {
            provider: provider.id,
            region: region.id,
            tokenSet,
            issuedAt,
            clientId: client.clientId,
            endpointsProfile: pending.profile,
            resourceUrl: readResourceUrl(tokenSet),
          },
          notification: readNotification(tokenSet),
        };
      });
    },
  };
}

function firstPending(shown: PendingLogin["shown"], proof: string): PendingLogin {
  const { intervalMs } = shown;
  return { shown, proof, intervalMs, waitMs: intervalMs, isPolled: false };
}

function hasRunOut({ shown, isPolled }: PendingLogin, now: number): boolean {
  return isPolled && now >= shown.expiresAt;
}

function runOut({ shortName }: Provider): LoginStep {
  const message = `Cannot sign in to ${shortName}: nobody approved the code in time`;
  return { kind: "failed", error: new OAuthError("expired_token", message) };
}

function failedBy(error: unknown): LoginStep {
  if (error instanceof GrantwayError) return { kind: "failed", error };
  throw error;
}

function later(pending: PendingLogin, result: PollResult): LoginStep {
  return {
    kind: "pending",
    pending: { ...pending, ...paceAfter(pending, result), isPolled: true },
  };
}

/** What a poll means; `grant` may still refuse what was granted. */
function judge(
  pending: PendingLogin,
  result: PollResult,
  grant: (tokenSet: TokenSet) => LoginStep,
): LoginStep {
  switch (result.kind) {
    case "granted":
      try {
        return grant(result.tokenSet);
      } catch (error) {
        return failedBy(error);
      }
    case "denied":
    case "expired":
    case "refused":
      return { kind: "failed", error: result.error };
    default:
      return later(pending, result);
  }
}

/** When to take the next step, ms since the epoch; no later than the code runs out. */
export function nextStepAt({ shown, waitMs }: PendingLogin, now: number): number {
  const leftMs = shown.expiresAt - now;
  return now + (leftMs > 0 ? Math.min(waitMs, leftMs) : waitMs);
}
