/**
 * `grantway gateway config set`: one setting of the gateway, checked before it is written.
 *
 * @module
 */

import type { Command } from "commander";
import { GATEWAY_SETTINGS } from "../../gateway/settings.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { checkGatewaySetting, resolveGatewaySetting } from "../gateway_settings.ts";
import { checkGatewayModel } from "../known_models.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { openSettings } from "../remote/settings.ts";

/** Arguments and options. */
export function define(command: Command): void {
  const rows = GATEWAY_SETTINGS.map(({ name, summary }) => [
    name.replace(/\.$/, ".<name>"),
    summary,
  ]);
  const width = Math.max(...rows.map(([name]) => name!.length));
  addRemoteOption(command)
    .argument("<setting>", "the setting")
    .argument("<value...>", "its value; of a list, all items")
    .addHelpText(
      "after",
      `
Settings:
${rows.map(([name, summary]) => `  ${name!.padEnd(width)}  ${summary}`).join("\n")}

Examples:
  grantway gateway config set default_model xai-oauth/grok-4.3
  grantway gateway config set 'aliases.gpt-*' default
  grantway gateway config set limits.requests_per_minute 120`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const [word, ...values] = command.args as [string, ...string[]];
  const key = resolveGatewaySetting(word);
  const value = values.join(" ").trim();
  if (value === "") {
    throw new UsageError(
      `${key} cannot be empty`,
      `Run: grantway gateway config unset ${key}`,
    );
  }
  const settings = await openSettings(context, command.opts<{ remote?: string }>().remote);
  if (key === "default_model" || key.startsWith("aliases.")) {
    checkGatewaySetting(key, value);
    await checkGatewayModel(context, value);
  }
  await settings.set(key, value);
  output.json({ type: "gateway_config_set", key, value });
  output.line(`${key} = ${value}`);
  output.note(settings.seen);
}
