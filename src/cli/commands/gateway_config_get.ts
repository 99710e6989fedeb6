/**
 * `grantway gateway config get`: one setting of the gateway.
 *
 * @module
 */

import type { Command } from "commander";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_code.ts";
import { resolveGatewaySetting } from "../gateway_settings.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { openSettings } from "../remote/settings.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(
    command.argument("<setting>", "such as default_model; exit code 1 when it is not set"),
  );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const key = resolveGatewaySetting(command.args[0]!);
  const { remote } = command.opts<{ remote?: string }>();
  const texts = await (await openSettings(context, remote)).read();
  const value = texts.find(([name]) => name === key)?.[1];
  context.output.json({ type: "gateway_config_get", key, value: value ?? null });
  if (value !== undefined) context.output.line(value);
  else context.output.note(`${key} is not set`);
  return value === undefined ? EXIT.failure : EXIT.ok;
}
