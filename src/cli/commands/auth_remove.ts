/**
 * `grantway auth remove`: removes one credential; without a target the only one there is.
 *
 * @module
 */

import type { Command } from "commander";
import { membersOf, notSignedIn } from "../accounts.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { findTarget } from "../credential_view.ts";
import { remoteAccounts } from "../remote/accounts.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";
import { removeThere } from "../remote/sign_out.ts";
import { removeStored } from "../sign_out.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(
    command
      .argument("<provider>", "provider of the credential")
      .argument("[target]", "number, id or label, where there are several"),
  );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const named = requireProvider(command.args[0]!);
  const { remote } = command.opts<{ remote?: string }>();
  const names = {
    provider: named.id,
    command: `grantway auth remove ${named.id}`,
  };
  if (remote !== undefined) {
    const gateway = await openRemote(context, remote);
    const { accounts, missing } = await remoteAccounts(gateway, named);
    if (accounts.length === 0) throw missing(named);
    const { credential } = findTarget(accounts, command.args[1], names);
    return await removeThere(context, gateway, [credential], "auth_remove");
  }
  const members = await membersOf(context, named);
  if (members.length === 0) throw notSignedIn(context, named);
  const { credential } = findTarget(members, command.args[1], names);
  await removeStored(context, named, [credential], "auth_remove");
}
