/**
 * `grantway auth list`: what is stored, provider by provider.
 *
 * @module
 */

import type { Command } from "commander";
import { PROVIDERS } from "../../providers/mod.ts";
import { accountJson, coolDownJson, durationText, statusText } from "../credential_view.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { shownAccounts } from "../remote/accounts.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command.argument("[provider]", "only this one"));
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const only = command.args[0] === undefined ? undefined : requireProvider(command.args[0]);
  const { remote } = command.opts<{ remote?: string }>();
  const { accounts } = await shownAccounts(context, only, remote);
  const now = platform.now();
  const json: Record<string, unknown>[] = [];
  for (const provider of PROVIDERS) {
    const members = accounts.filter(({ credential }) => credential.provider === provider.id);
    if (members.length === 0) continue;
    output.line(`${output.paint("bold", provider.id)} (${members.length} stored):`);
    const next = members.find(({ credential, coolDown }) =>
      credential.status === "active" && coolDown === undefined
    );
    for (const account of members) {
      const { credential, coolDown, index, status } = account;
      const { label, id, region, source } = credential;
      json.push({ ...accountJson(account), coolDown: coolDownJson(coolDown) });
      const kind = source === "login" ? "login" : "API key";
      const rest = coolDown === undefined
        ? ""
        : `, rests for ${durationText(coolDown.until - now)} (${coolDown.message})`;
      const arrow = next === account ? "  ←" : "";
      output.line(
        `  #${index}  ${label}  ${kind}  region=${region}  id=${id}  ${
          statusText(status, output.paint)
        }${rest}${arrow}`,
      );
    }
  }
  output.json({ type: "auth_list", credentials: json });
  if (json.length === 0) {
    output.note(only === undefined ? "No credentials" : `No credentials for ${only.id}`);
  }
}
