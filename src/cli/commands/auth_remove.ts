/**
 * `grantway auth remove`: removes one credential; without a target the only one there is.
 *
 * @module
 */

import type { Command } from "commander";
import { credentialsOf, notSignedIn } from "../accounts.ts";
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
  const credentials = await credentialsOf(context, named);
  if (credentials.length === 0) throw notSignedIn(context, named);
  const target = findTarget(credentials, command.args[1], `grantway auth remove ${named.id}`);
  await removeStored(context, named, [target], "auth_remove");
}
