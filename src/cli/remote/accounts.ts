/**
 * The accounts that a command is about: those of this machine, or with `--remote` those of a gateway
 * elsewhere.
 *
 * @module
 */

import type { CoolDown } from "../../credentials/pool.ts";
import { statusOf } from "../../credentials/credential_status.ts";
import type { ApiKeyVariable } from "../../gateway/admin/options.ts";
import { accountsOf } from "../../gateway/upstreams.ts";
import type { Provider } from "../../providers/mod.ts";
import { allMembers, membersOf, notSignedIn } from "../accounts.ts";
import { type Context, loginRequired } from "../context.ts";
import type { ListedAccount } from "../credential_view.ts";
import { openRemote, type RemoteGateway } from "./remote_gateway.ts";

/** An account, whoever has it. */
export type ShownAccount = ListedAccount & { coolDown?: CoolDown | undefined };

/** Accounts and API keys. */
export interface ShownAccounts {
  /** By priority, provider by provider. */
  accounts: ShownAccount[];
  /** API keys from variables. */
  variables: readonly ApiKeyVariable[];
  /** The error of a provider that has none of both. */
  missing: (provider: Provider) => Error;
}

/** The accounts of one provider, or of all. */
export async function shownAccounts(
  context: Context,
  only: Provider | undefined,
  remote: string | undefined,
): Promise<ShownAccounts> {
  return remote === undefined
    ? await ownAccounts(context, only)
    : await remoteAccounts(await openRemote(context, remote), only);
}

async function ownAccounts(context: Context, only: Provider | undefined): Promise<ShownAccounts> {
  const members = only === undefined ? await allMembers(context) : await membersOf(context, only);
  const now = context.platform.now();
  const variables: ApiKeyVariable[] = [];
  for (const variable of only?.apiKey?.variables ?? []) {
    if (await context.variable(variable) !== undefined) {
      variables.push({ provider: only!.id, variable });
    }
  }
  return {
    accounts: members.map((member) => ({ ...member, status: statusOf(member.credential, now) })),
    variables,
    missing: (provider) => notSignedIn(context, provider),
  };
}

/** The accounts of a gateway elsewhere, as {@linkcode shownAccounts} gives them. */
export async function remoteAccounts(
  gateway: RemoteGateway,
  only: Provider | undefined,
): Promise<ShownAccounts> {
  const { accounts, variables } = await gateway.accounts();
  return {
    accounts: only === undefined
      ? accounts
      : await accountsOf(only, ({ id }) =>
        Promise.resolve(accounts.filter(({ credential }) =>
          credential.provider === id
        ))),
    variables: variables.filter(({ provider }) => only === undefined || provider === only.id),
    missing: ({ id, shortName }) =>
      loginRequired(
        `${gateway.origin} is not logged into ${shortName}`,
        `grantway auth add ${id} --remote ${gateway.origin}`,
      ),
  };
}
