/**
 * The stored accounts that a provider's name stands for, and what to say when there is none.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import { createPool, type Pool, type PoolMember, type PoolOptions } from "../credentials/pool.ts";
import { accountsOf } from "../gateway/upstreams.ts";
import { PROVIDERS } from "../providers/catalog.ts";
import type { Provider } from "../providers/provider.ts";
import { type Context, loginRequired, requireProvider } from "./context.ts";

/** The accounts of a provider, by priority. */
export function poolOf(
  context: Context,
  provider: Provider,
  options: Pick<PoolOptions, "filter" | "strategy"> = {},
): Pool {
  const { kv, credentials, platform } = context;
  return createPool({
    kv,
    lease: kv,
    credentials,
    provider: provider.id,
    now: platform.now,
    ...options,
  });
}

/** An account with its number in `auth list`: 1, 2, 3 … within the provider it is stored under. */
export type NumberedMember = PoolMember & { index: number };

async function ownMembers(context: Context, provider: Provider): Promise<NumberedMember[]> {
  const members = await poolOf(context, provider).members();
  return members.map((member, place) => ({ ...member, index: place + 1 }));
}

/** Every account, provider by provider. */
export async function allMembers(context: Context): Promise<NumberedMember[]> {
  return (await Promise.all(PROVIDERS.map((provider) => ownMembers(context, provider)))).flat();
}

/** The accounts that `provider` stands for, by priority: another's logins before its own keys. */
export async function membersOf(context: Context, provider: Provider): Promise<NumberedMember[]> {
  return await accountsOf(provider, (owner) => ownMembers(context, owner));
}

/** The credentials that `provider` stands for, by priority. */
export async function credentialsOf(context: Context, provider: Provider): Promise<Credential[]> {
  return (await membersOf(context, provider)).map(({ credential }) => credential);
}

/** The error of a provider that nothing is stored for, with every way out. */
export function notSignedIn(context: Context, provider: Provider): Error {
  const command = loginCommand(context, provider);
  const other = provider.apiKeyProvider === undefined
    ? undefined
    : requireProvider(provider.apiKeyProvider);
  const variable = (provider.apiKey ?? other?.apiKey)?.variables[0];
  const message = provider.noCredentials ??
    (provider.oauth !== undefined
      ? `Not logged into ${provider.shortName}`
      : `No credentials for ${provider.shortName}`);
  if (variable === undefined) return loginRequired(message, command);
  const choice = other === undefined ? "" : ` and add --provider ${other.id}`;
  return loginRequired(message, `${command}   (or set ${variable}${choice})`);
}

/** The command that signs in to `provider`. */
export function loginCommand(context: Context, provider: Provider): string {
  const sandbox = context.approvesItself ? " --sandbox" : "";
  const type = provider.oauth === undefined && provider.oauthVia === undefined
    ? " --type api-key"
    : provider.oauth === undefined
    ? " --type oauth"
    : "";
  return `grantway auth add ${provider.id}${type}${sandbox}`;
}
