/**
 * `grantway auth status`: whether each login is valid, refreshable or dead. It refreshes nothing.
 *
 * @module
 */

import type { Command } from "commander";
import { allMembers, loginCommand, membersOf, notSignedIn } from "../accounts.ts";
import type { Invocation } from "../command_table.ts";
import { type Context, requireProvider } from "../context.ts";
import {
  coolDownJson,
  credentialJson,
  durationText,
  statusOf,
  statusText,
} from "../credential_view.ts";
import { EXIT } from "../exit_code.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("[provider]", "only this one; exit code 4 unless it can be used");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { output, platform } = context;
  const named = command.args[0] === undefined ? undefined : requireProvider(command.args[0]);
  const members = named === undefined ? await allMembers(context) : await membersOf(context, named);
  const credentials = members.map(({ credential }) => credential);
  const now = platform.now();
  const variables: { provider: string; variable: string }[] = [];
  for (const name of named?.apiKey?.variables ?? []) {
    if (await context.variable(name) !== undefined) {
      variables.push({ provider: named!.id, variable: name });
    }
  }
  if (named !== undefined && credentials.length === 0 && variables.length === 0) {
    throw notSignedIn(context, named);
  }
  output.json({
    type: "auth_status",
    credentials: members.map(({ credential, index, coolDown }) => ({
      ...credentialJson(credential, index, now),
      coolDown: coolDownJson(coolDown),
    })),
    variables,
  });
  if (credentials.length === 0 && variables.length === 0) {
    output.note(
      "Not signed in anywhere. Sign in with: grantway auth add minimax-oauth, or xai-oauth",
    );
  }
  for (const { variable, provider } of variables) {
    output.line(`${provider}: API key of ${variable}`);
  }
  for (const { credential, coolDown } of members) {
    const status = statusOf(credential, now);
    const { provider, label, region } = credential;
    output.line(
      `${provider}: ${label}, region=${region}: ${statusText(status, output.paint)}`,
    );
    if (coolDown !== undefined) {
      output.line(`  rests for ${durationText(coolDown.until - now)}: ${coolDown.message}`);
    }
    if (credential.lastError !== undefined && status.state !== "needs_login") {
      output.line(
        `  last failure ${
          new Date(credential.lastError.at).toISOString()
        }: ${credential.lastError.message}`,
      );
    }
    if (status.state === "needs_login") {
      output.note(`  Run: ${loginCommand(context, requireProvider(provider))}`);
    }
  }
  if (named === undefined) return EXIT.ok;
  const isUsable = variables.length > 0 ||
    credentials.some((credential) => statusOf(credential, now).state !== "needs_login");
  return isUsable ? EXIT.ok : EXIT.loginRequired;
}
