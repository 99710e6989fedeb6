/**
 * The stored accounts that a provider's name stands for, and what to say when there is none.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import { createPool, type Pool, type PoolMember, type PoolOptions } from "../credentials/pool.ts";
import type { Provider } from "../providers/mod.ts";
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

/** The credentials that `provider` stands for, by priority. */
export async function membersOf(context: Context, provider: Provider): Promise<PoolMember[]> {
  const own = await poolOf(context, provider).members();
  if (provider.oauthVia === undefined) return own;
  const { provider: via, region } = provider.oauthVia;
  const shared = poolOf(context, requireProvider(via), {
    filter: (credential) => credential.region === region,
  });
  return [...await shared.members(), ...own];
}

/** The credentials that `provider` stands for, by priority. */
export async function credentialsOf(context: Context, provider: Provider): Promise<Credential[]> {
  return (await membersOf(context, provider)).map(({ credential }) => credential);
}

/** The error of a provider that nothing is stored for. */
export function notSignedIn(context: Context, provider: Provider): Error {
  const command = loginCommand(context, provider);
  if (provider.oauth !== undefined) {
    return loginRequired(`Not logged into ${provider.shortName}`, command);
  }
  const variable = provider.apiKey?.variables[0];
  return loginRequired(
    `No credentials for ${provider.shortName}`,
    variable === undefined ? command : `${command}   (or set ${variable})`,
  );
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
