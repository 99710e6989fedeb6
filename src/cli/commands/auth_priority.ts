/**
 * `grantway auth priority`: gives one account of a provider its place among the others.
 *
 * @module
 */

import type { Command } from "commander";
import { moveAccount } from "../account_order.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the accounts")
    .argument("<target>", "number, id or label of the account")
    .argument("<place>", "1 is the first");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const [provider, target, place] = command.args as [string, string, string];
  if (!/^[1-9]\d{0,3}$/.test(place)) {
    throw new UsageError(`A place is a whole number from 1 on, not "${place}"`);
  }
  await moveAccount(context, "auth priority", provider, target, Number(place));
}
