/**
 * `grantway gateway config list`: every setting of the gateway, and what holds where none is set.
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
  const { limits } = parseSettings(texts);
  output.json({ type: "gateway_config_list", settings: Object.fromEntries(texts), limits });
  if (texts.length === 0) output.note("Nothing is set; see: grantway gateway config set --help");
  for (const [name, text] of texts) output.line(`${name} = ${text}`);
}
