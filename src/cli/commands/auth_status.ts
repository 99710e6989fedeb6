/**
 * `grantway auth status`: whether each login is valid, refreshable or dead. It refreshes nothing.
 *
 * @module
 */

import type { Command } from "commander";
import { loginCommand } from "../accounts.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { accountJson, coolDownJson, durationText, statusText } from "../credential_view.ts";
import { EXIT } from "../exit_code.ts";
import { shownAccounts } from "../remote/accounts.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(
    command.argument("[provider]", "only this one; exit code 4 unless it can be used"),
  );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { output, platform } = context;
  const named = command.args[0] === undefined ? undefined : requireProvider(command.args[0]);
  const { remote } = command.opts<{ remote?: string }>();
  const { accounts, variables, missing } = await shownAccounts(context, named, remote);
  if (named !== undefined && accounts.length === 0 && variables.length === 0) throw missing(named);
  output.json({
    type: "auth_status",
    credentials: accounts.map((account) => ({
      ...accountJson(account),
      coolDown: coolDownJson(account.coolDown),
    })),
    variables,
  });
  const behind = remote !== undefined
    ? ` --remote ${remote}`
    : context.approvesItself
    ? " --sandbox"
    : "";
  if (accounts.length === 0 && variables.length === 0) {
    output.note(
      `Not signed in anywhere. Sign in with: grantway auth add minimax-oauth${behind}, or xai-oauth`,
    );
  }
  for (const { variable, provider } of variables) {
    output.line(`${provider}: API key of ${variable}`);
  }
  const now = platform.now();
  for (const { credential, coolDown, status } of accounts) {
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
      output.note(`  Run: ${loginCommand(context, requireProvider(provider))}${behind}`);
    }
  }
  if (named === undefined) return EXIT.ok;
  const isUsable = variables.length > 0 ||
    accounts.some(({ status }) => status.state !== "needs_login");
  return isUsable ? EXIT.ok : EXIT.loginRequired;
}
