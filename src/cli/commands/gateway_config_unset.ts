/**
 * `grantway gateway config unset`: removes one setting of the gateway.
 *
 * @module
 */

import type { Command } from "commander";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { resolveGatewaySetting } from "../gateway_settings.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { openSettings } from "../remote/settings.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command.argument("<setting>", "the setting"));
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const key = resolveGatewaySetting(command.args[0]!);
  const settings = await openSettings(context, command.opts<{ remote?: string }>().remote);
  const wasSet = await settings.unset(key);
  output.json({ type: "gateway_config_unset", key, wasSet });
  output.line(wasSet ? `${key} removed` : `${key} was not set`);
}
