/**
 * `grantway auth token`: a fresh access token for a script.
 *
 * @module
 */

import type { Command } from "commander";
import { fingerprint } from "../../core/redact.ts";
import { openUpstream } from "../upstream.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";

interface Options {
  show?: boolean;
}

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", "provider of the login")
    .option("--show", "print the token itself (default: its fingerprint)")
    .addHelpText(
      "after",
      `
Example:
  curl -H "Authorization: Bearer $(grantway auth token minimax-oauth --show)" …`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, interrupts } = context;
  const { show = false } = command.opts<Options>();
  const { account } = await openUpstream(context, requireProvider(command.args[0]!));
  const token = await account.source.get({ signal: interrupts.signal });
  const expiresAt = token.expiresAt === null ? null : new Date(token.expiresAt).toISOString();
  const { provider, label, region } = token.credential;
  const print = await fingerprint(token.value);
  output.json({ type: "auth_token", provider, label, region, expiresAt, fingerprint: print });
  if (show) {
    // Asked for by name: the one place where a secret reaches stdout, and never in JSON.
    if (output.options.json) {
      output.warn("--json never holds a secret: leave it out to print the token");
    } else {
      output.line(token.value);
    }
    return;
  }
  output.line(`${provider} ${label}: token ${print}, expires ${expiresAt ?? "never"}`);
  output.note("Add --show to print the token itself");
}
