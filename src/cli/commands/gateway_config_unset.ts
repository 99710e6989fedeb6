/**
 * `grantway gateway config unset`: removes one setting of the gateway.
 *
 * @module
 */

import type { Command } from "commander";
import type { Invocation } from "../command_table.ts";
import type { Context } from "../context.ts";
import {
  changeGatewaySetting,
  readGatewayTexts,
  resolveGatewaySetting,
} from "../gateway_settings.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("<setting>", "the setting");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const key = resolveGatewaySetting(command.args[0]!);
  const config = await context.config();
  const wasSet = (await readGatewayTexts(config)).some(([name]) => name === key);
  await changeGatewaySetting(config, key, undefined);
  output.json({ type: "gateway_config_unset", key, wasSet });
  output.line(wasSet ? `${key} removed` : `${key} was not set`);
}
