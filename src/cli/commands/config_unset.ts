/**
 * `grantway config unset`: removes one setting.
 *
 * @module
 */

import type { Command } from "commander";
import { resolveKey } from "../config.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("<key>", "the setting");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const key = resolveKey(command.args[0]!);
  const config = await context.config();
  const wasSet = config.get(key) !== undefined;
  // The base URL belongs to the provider: it leaves with it.
  await config.change(
    key === "model.provider"
      ? { [key]: undefined, "model.base_url": undefined }
      : { [key]: undefined },
  );
  context.output.json({ type: "config_unset", key, wasSet });
  context.output.line(wasSet ? `${key} removed` : `${key} was not set`);
}
