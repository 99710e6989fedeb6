/**
 * `grantway gateway config list`: every setting of the gateway that is set.
 *
 * @module
 */

import type { Command } from "commander";
import { parseSettings } from "../../gateway/settings.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { openSettings } from "../remote/settings.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command);
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const { remote } = command.opts<{ remote?: string }>();
  const texts = await (await openSettings(context, remote)).read();
  // What the gateway would not start with is told here, too.
  parseSettings(texts);
  output.json({ type: "gateway_config_list", settings: Object.fromEntries(texts) });
  if (texts.length === 0) output.note("Nothing is set; see: grantway gateway config set --help");
  for (const [name, text] of texts) output.line(`${name} = ${text}`);
}
