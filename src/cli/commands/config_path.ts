/**
 * `grantway config path`: where config.yaml is.
 *
 * @module
 */

import type { Command } from "commander";
import type { Context } from "../context.ts";

/** Arguments and options: none. */
export function define(_command: Command): void {}

/** Runs it. */
export function run(context: Context): Promise<void> {
  context.output.json({ type: "config_path", path: context.home.config });
  context.output.line(context.home.config);
  return Promise.resolve();
}
