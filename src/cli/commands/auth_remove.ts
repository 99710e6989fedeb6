/**
 * `grantway auth remove`: removes one credential; without a target the only one there is.
 *
 * @module
 */

import type { Command } from "commander";
import { membersOf, notSignedIn } from "../accounts.ts";
import type { Invocation } from "../command_table.ts";
import { type Context, requireProvider } from "../context.ts";
import { findTarget } from "../credential_view.ts";
import { removeStored } from "../sign_out.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the credential")
    .argument("[target]", "number, id or label, where there are several");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const named = requireProvider(command.args[0]!);
  const members = await membersOf(context, named);
  if (members.length === 0) throw notSignedIn(context, named);
  const { credential } = findTarget(members, command.args[1], {
    provider: named.id,
    command: `grantway auth remove ${named.id}`,
  });
  await removeStored(context, named, [credential], "auth_remove");
}
