/**
 * `grantway auth reset`: forgets recorded failures and ends rests. Tokens stay as they are, and so does a refresh
 * whose outcome is not known: only an answer of the server settles that.
 *
 * @module
 */

import type { Command } from "commander";
import { credentialsOf, notSignedIn, poolOf } from "../accounts.ts";
import type { Invocation } from "../command_table.ts";
import { type Context, requireProvider } from "../context.ts";
import { credentialJson, findTarget } from "../credential_view.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the credentials")
    .argument("[target]", "number, id or label; without it all of them");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const named = requireProvider(command.args[0]!);
  const credentials = await credentialsOf(context, named);
  if (credentials.length === 0) throw notSignedIn(context, named);
  const targets = command.args[1] === undefined
    ? credentials
    : [findTarget(credentials, command.args[1], `grantway auth reset ${named.id}`)];
  const reset = [];
  for (const { provider, id, status, lastError } of targets) {
    await poolOf(context, requireProvider(provider)).wake(id);
    // Of a dead login the failure is the reason why it needs a new one.
    if (status === "dead") continue;
    reset.push(
      lastError === undefined
        ? (await context.credentials.get(provider, id))!
        : await context.credentials.update(provider, id, ({ lastError: _, ...rest }) => rest),
    );
  }
  output.json({
    type: "auth_reset",
    credentials: reset.map((credential) =>
      credentialJson(
        credential,
        credentials.findIndex(({ id }) => id === credential.id) + 1,
        platform.now(),
      )
    ),
  });
  output.line(
    reset.length === 0
      ? `Nothing to forget for ${named.id}`
      : `Forgot the failures of ${reset.map(({ label }) => label).join(", ")}`,
  );
}
