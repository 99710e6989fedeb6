/**
 * What a command sends requests through: accounts, each with its endpoints and a bearer that stays
 * fresh.
 *
 * This file and those it needs import modules, not folders: a chat shall not load what only a login
 * needs before its first request.
 *
 * @module
 */

import type { Keeper } from "../credentials/access_token_source.ts";
import type { Credential } from "../credentials/credential.ts";
import { createKeeper } from "../credentials/keeper.ts";
import { POOL_STRATEGIES } from "../credentials/pool.ts";
import { createUpstreams, type OpenUpstream, type Upstreams } from "../gateway/upstreams.ts";
import { resolveEndpoints } from "../providers/endpoints.ts";
import type { Provider } from "../providers/provider.ts";
import { loginCommand, notSignedIn } from "./accounts.ts";
import { type Context, loginRequired } from "./context.ts";

/**
 * The accounts of this home. An API-key variable is never read for a provider that signs in.
 */
export function openUpstreams(context: Context): Upstreams {
  const { kv, credentials, runtime: { fetch, now, sleep } } = context;
  return createUpstreams({
    kv,
    lease: kv,
    credentials,
    fetch,
    now,
    sleep,
    endpoints: async (provider, region, upstream) => {
      const overrides = await context.overrides(provider);
      return resolveEndpoints(provider, region, {
        ...overrides,
        upstream: upstream ?? overrides.upstream,
      });
    },
    openLogin: (provider, credential) => openKeeper(context, provider, credential),
    findKey: async (provider) => {
      for (const name of provider.apiKey?.variables ?? []) {
        const value = await context.variable(name);
        if (value !== undefined) return { name, value };
      }
      return undefined;
    },
    strategy: async ({ id }) => {
      const strategy = (await context.config()).get(`providers.${id}.strategy`);
      return POOL_STRATEGIES.find((known) => known === strategy);
    },
    missing: (provider, dead) =>
      dead === undefined ? notSignedIn(context, provider) : loginRequired(
        `${provider.shortName} needs a new login: ${dead.lastError?.message ?? "it was rejected"}`,
        loginCommand(context, provider),
      ),
  });
}

/**
 * The way to one provider, for as long as the command runs.
 *
 * @throws {CredentialError} `login_required`, with the command to run.
 */
export function openUpstream(context: Context, provider: Provider): Promise<OpenUpstream> {
  return openUpstreams(context).open(provider, {
    onFailover: ({ label }, error) =>
      context.output.warn(`${label}: ${error.message}; trying the next account`),
  });
}

/** The keeper of one login; the end of the run waits for a refresh that was sent. */
export async function openKeeper(
  context: Context,
  provider: Provider,
  credential: Pick<Credential, "provider" | "id">,
): Promise<Keeper> {
  const { platform, runtime, kv, interrupts, output } = context;
  const keeper = createKeeper(provider, credential, {
    store: kv,
    lease: kv,
    overrides: await context.overrides(provider),
    host: await context.hostId(),
    loginHint: `Run: ${loginCommand(context, provider)}`,
    fetch: runtime.fetch,
    now: platform.now,
    monotonicNow: platform.monotonicNow,
    sleep: platform.sleep,
    startTimer: platform.startTimer,
    critical: interrupts.critical,
    onWarning: output.warn,
  });
  context.defer(() => keeper.settled());
  return keeper;
}
