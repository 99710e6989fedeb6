/**
 * `grantway auth logout`: removes every credential of a provider, and revokes where it can be done.
 *
 * @module
 */

import type { Command } from "commander";
import { credentialsOf, notSignedIn } from "../accounts.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { remoteAccounts } from "../remote/accounts.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";
import { removeThere } from "../remote/sign_out.ts";
import { removeStored } from "../sign_out.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command.argument("<provider>", "provider to leave"));
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const named = requireProvider(command.args[0]!);
  const { remote } = command.opts<{ remote?: string }>();
  if (remote !== undefined) {
    const gateway = await openRemote(context, remote);
    const { accounts, missing } = await remoteAccounts(gateway, named);
    if (accounts.length === 0) throw missing(named);
    const there = accounts.map(({ credential }) => credential);
    if (!await agrees(context, there)) return;
    return await removeThere(context, gateway, there, "auth_logout");
  }
  const credentials = await credentialsOf(context, named);
  if (credentials.length === 0) throw notSignedIn(context, named);
  if (!await agrees(context, credentials)) return;
  await removeStored(context, named, credentials, "auth_logout");
}

/** One credential is what the command names; where it would take several, a person is asked first. */
async function agrees(
  { globals, interactive }: Context,
  credentials: readonly { label: string }[],
): Promise<boolean> {
  if (credentials.length === 1 || !interactive || globals.has("--yes")) return true;
  const { confirm } = await import("../prompts.ts");
  const labels = credentials.map(({ label }) => label).join(", ");
  return await confirm(`Sign out of ${credentials.length}: ${labels}?`);
}
