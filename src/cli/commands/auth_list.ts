/**
 * `grantway auth list`: what is stored, provider by provider.
 *
 * @module
 */

import type { Command } from "commander";
import { PROVIDERS } from "../../providers/mod.ts";
import { credentialJson, numberedCredentials, statusOf, statusText } from "../credential_view.ts";
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
  const all = await context.credentials.list(only?.id);
  const now = platform.now();
  output.json({
    type: "auth_list",
    credentials: numberedCredentials(all).map(({ credential, index }) =>
      credentialJson(credential, index, now)
    ),
  });
  if (all.length === 0) {
    output.note(only === undefined ? "No credentials" : `No credentials for ${only.id}`);
    return;
  }
  for (const provider of PROVIDERS) {
    const rows = numberedCredentials(all).filter((row) => row.credential.provider === provider.id);
    if (rows.length === 0) continue;
    output.line(`${output.paint("bold", provider.id)} (${rows.length} stored):`);
    for (const { credential, index } of rows) {
      const { label, id, region, source } = credential;
      const kind = source === "login" ? "login" : "API key";
      output.line(
        `  #${index}  ${label}  ${kind}  region=${region}  id=${id}  ${
          statusText(statusOf(credential, now), output.paint)
        }`,
      );
    }
  }
}
