/**
 * What a command sends requests through: accounts, each with its endpoints and a bearer that stays
 * fresh.
 *
 * This file and those it needs import modules, not folders: a chat shall not load what only a login
 * needs before its first request.
 *
 * @module
 */

import type { AccessTokenSource } from "../credentials/access_token.ts";
import type { Keeper } from "../credentials/access_token_source.ts";
import type { Credential } from "../credentials/credential.ts";
import { createKeeper } from "../credentials/keeper.ts";
import { POOL_STRATEGIES, type PoolMember } from "../credentials/pool.ts";
import { type Endpoints, type Provider, resolveEndpoints } from "../providers/mod.ts";
import { createFailoverTransport } from "../transports/failover.ts";
import { loadApi } from "../transports/api.ts";
import { createTransport, type Transport } from "../transports/transport.ts";
import { loginCommand, membersOf, notSignedIn, poolOf } from "./accounts.ts";
import { type Context, loginRequired, requireProvider } from "./context.ts";

/** What a request needs: where to, with which bearer. */
export interface Account {
  /** Id of the credential, or name of the variable. */
  id: string;
  /** The provider whose rules and endpoints hold. */
  provider: Provider;
  /** Where requests go. */
  endpoints: Endpoints;
  /** The bearer, per request. */
  source: AccessTokenSource;
  /** One phrase for status lines: `MiniMax OAuth, login work, region global`. */
  description: string;
}

/** What a command sends requests through. */
export interface Upstream {
  /** The provider whose rules and endpoints hold: for `minimax-cn` by login that is `minimax-oauth`. */
  provider: Provider;
  /** The accounts, the best first; at least one. */
  accounts: readonly [Account, ...Account[]];
  /** Sends requests, over several accounts where there are several. */
  transport: Transport;
}

/**
 * What `provider` is used through: its live logins, else an API key where the provider takes one. An
 * API-key variable is never read for a provider that signs in.
 *
 * @throws {CredentialError} `login_required`, with the command to run.
 */
export async function openUpstream(context: Context, provider: Provider): Promise<Upstream> {
  // While the store is read; what fails here fails again where it is needed.
  loadApi(provider).catch(() => {});
  const members = await membersOf(context, provider);
  const live = members.map(({ credential }) => credential)
    .filter(({ source, status }) => source === "login" && status === "active");
  // Another region is another jurisdiction: a prompt goes there only where the user chose it.
  const logins = live.filter(({ region }) => region === live[0]?.region);
  if (logins.length > 0) {
    const owner = requireProvider(logins[0]!.provider);
    const strategy = (await context.config()).get(`providers.${owner.id}.strategy`);
    const pool = poolOf(context, owner, {
      filter: ({ id, source }) => source === "login" && logins.some((login) => login.id === id),
      strategy: POOL_STRATEGIES.find((known) => known === strategy),
    });
    const resting = new Set(
      members.filter(({ coolDown }) => coolDown !== undefined).map(({ credential }) => credential),
    );
    const ready = logins.filter((login) => !resting.has(login));
    const accounts: Account[] = await Promise.all(
      [...ready, ...logins.filter((login) => resting.has(login))]
        .map((login) => openStored(context, login)),
    );
    const first = transportOf(context, accounts[0]!);
    return {
      provider: owner,
      accounts: accounts as [Account, ...Account[]],
      transport: createFailoverTransport({
        pool,
        open: async (credential) => {
          if (credential.id === accounts[0]!.id) return first;
          const account = accounts.find(({ id }) => id === credential.id);
          return transportOf(context, account ?? await openStored(context, credential));
        },
        onFailover: ({ label }, error) =>
          context.output.warn(`${label}: ${error.message}; trying the next account`),
      }),
    };
  }
  const account = await openKey(context, provider, members);
  return { provider, accounts: [account], transport: transportOf(context, account) };
}

function transportOf({ runtime }: Context, account: Account): Transport {
  const { provider, endpoints, source } = account;
  const { fetch, now, sleep } = runtime;
  return createTransport({ provider, endpoints, source, fetch, now, sleep });
}

/** The API key of a provider without a live login: from the environment, `.env`, or the store. */
async function openKey(
  context: Context,
  provider: Provider,
  members: readonly PoolMember[],
): Promise<Account> {
  for (const name of provider.apiKey?.variables ?? []) {
    const key = await context.variable(name);
    if (key === undefined) continue;
    const region = provider.regions[0]!;
    const credential = { provider: provider.id, id: name, label: name, region: region.id };
    return {
      id: name,
      provider,
      endpoints: await context.endpoints(provider, region),
      source: {
        get: () => Promise.resolve({ value: key, generation: 0, expiresAt: null, credential }),
      },
      description: `${provider.shortName}, API key of ${name}`,
    };
  }
  const credentials = members.map(({ credential }) => credential);
  const storedKey = credentials.find(({ source }) => source === "api_key");
  if (storedKey !== undefined) return await openStored(context, storedKey);
  const dead = credentials.find(({ status }) => status === "dead");
  if (dead !== undefined) {
    throw loginRequired(
      `${provider.shortName} needs a new login: ${dead.lastError?.message ?? "it was rejected"}`,
      loginCommand(context, provider),
    );
  }
  throw notSignedIn(context, provider);
}

/** The account of one stored credential. */
export async function openStored(context: Context, credential: Credential): Promise<Account> {
  const provider = requireProvider(credential.provider);
  const region = provider.regions.find(({ id }) => id === credential.region) ??
    provider.regions[0]!;
  const isLogin = credential.source === "login";
  const overrides = await context.overrides(provider);
  return {
    id: credential.id,
    provider,
    // Its scopes were asked for with one upstream in mind, so that one goes before the configured one.
    endpoints: resolveEndpoints(provider, region, {
      ...overrides,
      upstream: credential.upstream ?? overrides.upstream,
    }),
    source: isLogin ? await openKeeper(context, provider, credential) : keySource(credential),
    description: `${provider.shortName}, ${isLogin ? "login" : "API key"} ${credential.label}${
      provider.regions.length > 1 ? `, region ${region.id}` : ""
    }`,
  };
}

/** An API key needs no keeper. */
function keySource({ provider, id, label, region, tokens }: Credential): AccessTokenSource {
  const value = tokens!.accessToken;
  const credential = { provider, id, label, region };
  return { get: () => Promise.resolve({ value, generation: 0, expiresAt: null, credential }) };
}

/** The keeper of one login; the end of the run waits for a refresh that was sent. */
export async function openKeeper(
  context: Context,
  provider: Provider,
  credential: Credential,
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
    critical: interrupts.critical,
    onWarning: output.warn,
  });
  context.defer(() => keeper.settled());
  return keeper;
}
