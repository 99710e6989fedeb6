/**
 * `grantway auth reset`: forgets recorded failures and ends rests. Tokens stay as they are, and so
 * does a refresh whose outcome is not known: only an answer of the server settles that.
 *
 * @module
 */

import type { Command } from "commander";
import type { Credential } from "../../credentials/credential.ts";
import { membersOf, notSignedIn, poolOf } from "../accounts.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { credentialJson, findTarget, type Numbered } from "../credential_view.ts";

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
  const members = await membersOf(context, named);
  if (members.length === 0) throw notSignedIn(context, named);
  const targets = command.args[1] === undefined ? members : [
    findTarget(members, command.args[1], {
      provider: named.id,
      command: `grantway auth reset ${named.id}`,
    }),
  ];
  const reset: Numbered<Credential>[] = [];
  for (const { credential, index, coolDown } of targets) {
    const { provider, id } = credential;
    // Of a dead login the failure is the reason why it needs a new one.
    const forgets = credential.status !== "dead" && credential.lastError !== undefined;
    if (coolDown !== undefined) await poolOf(context, requireProvider(provider)).wake(id);
    if (!forgets && coolDown === undefined) continue;
    const changed = forgets
      ? await context.credentials.update(provider, id, ({ lastError: _, ...rest }) => rest)
      : credential;
    reset.push({ credential: changed, index });
  }
  output.json({
    type: "auth_reset",
    credentials: reset.map(({ credential, index }) =>
      credentialJson(credential, index, platform.now())
    ),
  });
  output.line(
    reset.length === 0
      ? `Nothing to forget for ${named.id}`
      : `Forgot the failures of ${reset.map(({ credential }) => credential.label).join(", ")}`,
  );
}
