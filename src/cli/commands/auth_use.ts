/**
 * `grantway auth use`: makes one account of a provider the first to be used.
 *
 * @module
 */

import type { Command } from "commander";
import { moveAccount } from "../account_order.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the accounts")
    .argument("<target>", "number, id or label of the account to use first");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const [provider, target] = command.args as [string, string];
  await moveAccount(context, "auth use", provider, target, 1);
}
