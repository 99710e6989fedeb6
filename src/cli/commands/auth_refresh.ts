/**
 * `grantway auth refresh`: refreshes one login now, whatever its expiry.
 *
 * @module
 */

import type { Command } from "commander";
import { statusOf } from "../../credentials/credential_status.ts";
import { membersOf, notSignedIn } from "../accounts.ts";
import { openKeeper } from "../upstream.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { credentialJson, findTarget, statusText } from "../credential_view.ts";
import { UsageError } from "../exit_code.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the login")
    .argument("[target]", "number, id or label, where there are several");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const named = requireProvider(command.args[0]!);
  const members = await membersOf(context, named);
  const logins = members.filter(({ credential }) => credential.source === "login");
  if (logins.length === 0) {
    if (members.length > 0) {
      throw new UsageError(`${named.id} has API keys only: nothing to refresh`);
    }
    throw notSignedIn(context, named);
  }
  const { credential, index } = findTarget(logins, command.args[1], {
    provider: named.id,
    command: `grantway auth refresh ${named.id}`,
  });
  const keeper = await openKeeper(context, requireProvider(credential.provider), credential);
  output.progress("Refreshing…");
  const refreshed = await keeper.refresh({ signal: context.interrupts.signal });
  const now = platform.now();
  output.json({ type: "auth_refresh", credential: credentialJson(refreshed, index, now) });
  output.line(
    `Refreshed ${refreshed.provider} ${refreshed.label}: ${
      statusText(statusOf(refreshed, now), output.paint)
    }`,
  );
}
