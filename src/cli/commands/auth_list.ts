/**
 * `grantway auth list`: what is stored, provider by provider.
 *
 * @module
 */

import type { Command } from "commander";
import { PROVIDERS } from "../../providers/mod.ts";
import { allMembers, membersOf } from "../accounts.ts";
import {
  coolDownJson,
  credentialJson,
  durationText,
  statusOf,
  statusText,
} from "../credential_view.ts";
import type { Invocation } from "../command_table.ts";
import { type Context, requireProvider } from "../context.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("[provider]", "only this one");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const only = command.args[0] === undefined ? undefined : requireProvider(command.args[0]);
  const all = only === undefined ? await allMembers(context) : await membersOf(context, only);
  const now = platform.now();
  const json: Record<string, unknown>[] = [];
  for (const provider of PROVIDERS) {
    const members = all.filter(({ credential }) => credential.provider === provider.id);
    if (members.length === 0) continue;
    output.line(`${output.paint("bold", provider.id)} (${members.length} stored):`);
    const next = members.find(({ credential, coolDown }) =>
      credential.status === "active" && coolDown === undefined
    );
    for (const { credential, coolDown, index } of members) {
      const { label, id, region, source } = credential;
      json.push({
        ...credentialJson(credential, index, now),
        coolDown: coolDownJson(coolDown),
      });
      const kind = source === "login" ? "login" : "API key";
      const rest = coolDown === undefined
        ? ""
        : `, rests for ${durationText(coolDown.until - now)} (${coolDown.message})`;
      const arrow = next?.credential === credential ? "  ←" : "";
      output.line(
        `  #${index}  ${label}  ${kind}  region=${region}  id=${id}  ${
          statusText(statusOf(credential, now), output.paint)
        }${rest}${arrow}`,
      );
    }
  }
  output.json({ type: "auth_list", credentials: json });
  if (json.length === 0) {
    output.note(only === undefined ? "No credentials" : `No credentials for ${only.id}`);
  }
}
