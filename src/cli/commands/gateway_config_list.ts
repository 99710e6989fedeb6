/**
 * `grantway gateway config list`: every setting of the gateway that is set.
 *
 * @module
 */

import type { Command } from "commander";
import { parseSettings } from "../../gateway/settings.ts";
import type { Context } from "../context.ts";
import { readGatewayTexts } from "../gateway_settings.ts";

/** Arguments and options: none. */
export function define(_command: Command): void {}

/** Runs it. */
export async function run(context: Context): Promise<void> {
  const { output } = context;
  const texts = await readGatewayTexts(await context.config());
  // What the gateway would not start with is told here, too.
  parseSettings(texts);
  output.json({ type: "gateway_config_list", settings: Object.fromEntries(texts) });
  if (texts.length === 0) output.note("Nothing is set; see: grantway gateway config set --help");
  for (const [name, text] of texts) output.line(`${name} = ${text}`);
}
