/**
 * `grantway config list`: every setting that is set.
 *
 * @module
 */

import type { Command } from "commander";
import type { Context } from "../context.ts";
import { readGatewayTexts } from "../gateway_settings.ts";

/** Arguments and options: none. */
export function define(_command: Command): void {}

/** Runs it. */
export async function run(context: Context): Promise<void> {
  const config = await context.config();
  const entries = [
    ...config.entries(),
    ...(await readGatewayTexts(config)).map(([name, text]) => [`gateway.${name}`, text] as const),
  ];
  context.output.json({ type: "config_list", settings: Object.fromEntries(entries) });
  if (entries.length === 0) context.output.note("Nothing is set; see: grantway config set --help");
  for (const [key, value] of entries) context.output.line(`${key} = ${value}`);
}
