/**
 * Signing in as a person meets it: the code and where to enter it, a countdown, the outcome.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { login, storeLogin } from "../credentials/mod.ts";
import type { OidcFlow, Provider } from "../providers/mod.ts";
import { loginCommand } from "./accounts.ts";
import { checkLabel, reportAdded } from "./added.ts";
import { type Context, requireRegion } from "./context.ts";
import { durationText } from "./credential_view.ts";
import { UsageError } from "./exit_code.ts";
import { createLoginScreen } from "./login_screen.ts";
import { readOAuthParameters } from "./oauth_parameters.ts";

/** What the user chose. */
export interface SignInOptions {
  /** Region id; the default one without it. */
  region?: string | undefined;
  /** The user's name for the login. */
  label?: string | undefined;
  /** False for `--no-browser`. */
  openBrowser?: boolean | undefined;
  /** Gives up after this long. */
  timeoutMs?: number | undefined;
  /** The way to sign in, as the user wrote it; the configured one without it. */
  flow?: string | undefined;
  /** The upstream to ask scopes for, and to use. */
  upstream?: string | undefined;
}

/** The user waited for too long, by their own `--timeout`. */
class TimedOut extends Error {}

/** Signs in to `provider` and stores the login. */
export async function signIn(
  context: Context,
  provider: Provider,
  options: SignInOptions,
): Promise<void> {
  const { output, interrupts, platform } = context;
  checkLabel(options.label);
  const region = options.region === undefined
    ? provider.regions[0]!
    : requireRegion(provider, options.region);
  const config = await context.config();
  const flow = requireFlow(provider, options.flow ?? config.get(`providers.${provider.id}.flow`));
  const oauthParameters = readOAuthParameters(
    provider,
    (name) => config.get(`providers.${provider.id}.${name}`),
  );
  // A store that cannot be used is found out before anybody goes to a browser; to remove nothing takes
  // all that a write takes but room, and leaves nothing behind.
  await context.kv.delete("home/none");
  const overrides = await context.overrides(provider);

  const end = new AbortController();
  const signal = AbortSignal.any([interrupts.signal, end.signal]);
  const screen = createLoginScreen(context, {
    provider,
    openBrowser: options.openBrowser,
    end: end.signal,
  });
  if (options.timeoutMs !== undefined) {
    platform.sleep(options.timeoutMs, end.signal).then(
      () => end.abort(new TimedOut()),
      () => {},
    );
  }
  try {
    output.progress(`Asking ${provider.shortName}…`);
    const grant = await login(provider, region, {
      ...context.runtime,
      overrides: { ...overrides, upstream: options.upstream ?? overrides.upstream },
      oauthParameters,
      signal,
      onEvent: screen.show,
      flow,
      bindLoopback: platform.bindLoopback,
      readPaste: screen.readPaste,
      loopbackTimeoutMs: options.timeoutMs,
    });
    if (grant.tokenSet.refreshToken === undefined) {
      output.warn("The server gave no refresh token: this login ends with its access token");
    }
    const { credential, isReplacement } = await storeLogin(context.credentials, grant, {
      label: options.label,
      owner: { host: await context.hostId(), createdAt: platform.now() },
    });
    end.abort();
    output.progress("");
    await reportAdded(context, provider, credential, isReplacement);
  } catch (error) {
    throw asLoginFailure(error, context, provider, options);
  } finally {
    end.abort();
    output.progress("");
  }
}

function requireFlow(provider: Provider, flow: string | undefined): "auto" | OidcFlow | undefined {
  if (flow === undefined || flow === "auto") return flow;
  const flows = provider.oauth?.kind === "oidc" ? provider.oauth.flows : [];
  const known = flows.find((name) => name === flow);
  if (known !== undefined) return known;
  throw new UsageError(
    `${provider.id} has no flow "${flow}"`,
    flows.length === 0
      ? "It signs in with a code: leave --flow out"
      : `Flows: auto, ${flows.join(", ")}`,
  );
}

function asLoginFailure(
  error: unknown,
  context: Context,
  provider: Provider,
  options: SignInOptions,
): unknown {
  const again = `Start again with: ${loginCommand(context, provider)}`;
  if (error instanceof TimedOut) {
    const waited = durationText(options.timeoutMs ?? 0);
    return new OAuthError(
      "timeout",
      `Cannot sign in to ${provider.shortName}: it was not approved within ${waited}`,
      { hint: again },
    );
  }
  if (error instanceof OAuthError && error.hint === undefined) {
    return new OAuthError(error.code, error.message, {
      cause: error,
      retryable: error.retryable,
      retryAfterMs: error.retryAfterMs,
      status: error.status,
      hint: again,
    });
  }
  return error;
}
